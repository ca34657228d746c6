/** What every room may know about this server. */
import type { Address } from "../mail/address.ts";
import { defineService } from "./service.ts";

export interface ServerFacts {
  /** Our name in banner, EHLO and `Received:`. */
  readonly hostname: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Domain that completes bare addresses. */
  readonly origin: string;
  readonly postmaster: Address;
  /** Each of its characters separates a local part from its extension (`user+lists`); empty: there are no extensions. */
  readonly recipientDelimiter: string;
  readonly version: string;
}
export const ServerFacts = defineService<ServerFacts>("postern/server-facts@1");
