/** Names of clients: reverse DNS, believed only where the name leads back to the address. */
import { defineService } from "./service.ts";

/**
 * `verified`: a name that leads back to the address. `unverified`: there is a name, but it does not. `unknown`: there is none.
 * `failed`: nobody could tell now; `name` is what reverse DNS said, if it did.
 */
export type ClientName =
  | { readonly at: "verified"; readonly name: string }
  | { readonly at: "unverified"; readonly name: string }
  | { readonly at: "unknown" }
  | { readonly at: "failed"; readonly name: string | null };

export interface ClientNames {
  /** Answers at once where it is known already. Never rejects; takes no longer than the server's bound for it. */
  find(address: string): ClientName | Promise<ClientName>;
}
export const ClientNames = defineService<ClientNames>("postern/client-names@1");
