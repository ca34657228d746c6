/** What a SASL mechanism (RFC 4422) is here: a conversation that ends in something to check. */
import type { Attempt } from "../../contracts/account.ts";

/** `attempt` ends the conversation: whether it succeeds, the plugins say. */
export type Turn =
  | { readonly at: "challenge"; readonly data: Uint8Array }
  | { readonly at: "attempt"; readonly attempt: Attempt }
  | { readonly at: "malformed"; readonly text: string };

export interface Exchange {
  /** `null`: the client sent no initial response. Not called again after an answer that is no challenge. */
  next(response: Uint8Array | null): Turn;
}

export interface Mechanism {
  /** As registered with IANA. */
  readonly name: string;
  /** The password can be read by whoever sees the conversation: only under TLS, or on this machine. */
  readonly isReadable: boolean;
  begin(): Exchange;
}
