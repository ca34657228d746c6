/** Where mail for somebody goes next, for whoever has to talk to those hosts: delivery, call-outs. */
import type { Address } from "../mail/address.ts";
import type { NextHop } from "../mail/next-hop.ts";
import type { RemoteReply } from "./delivery.ts";
import { defineService } from "./service.ts";
import type { Defer, Reject, Routed } from "./verdicts.ts";

/** One address to connect to. */
export interface MailHost {
  readonly name: string;
  readonly address: string;
}

/** `failed`: there is no such host and never will be; `deferred`: nobody can tell now. */
export type MailHosts =
  | { readonly at: "found"; readonly hosts: readonly MailHost[] }
  | { readonly at: "failed" | "deferred"; readonly reply: RemoteReply };

/** `refusesMail`: a null MX (RFC 7505). `unavailable`: nobody can tell now. */
export type MailDomain = "exists" | "refusesMail" | "unknown" | "unavailable";

export interface NextHops {
  /** The route that the queue would take for this address now; `null` if no plugin has one. Never rejects. */
  route(address: Address): Promise<Routed | Reject | Defer | null>;
  /**
   * Hosts in the order to try them (RFC 5321 5.1): by MX, equal ones shuffled, the domain itself where it has none; where
   * we are among them only better ones, so that mail never comes back. Never rejects.
   */
  hosts(nextHop: NextHop, signal: AbortSignal): Promise<MailHosts>;
  /** Whether DNS has a mail server for this domain: MX, or an address of its own. Never rejects. */
  domain(domain: string, signal: AbortSignal): Promise<MailDomain>;
}
export const NextHops = defineService<NextHops>("postern/next-hops@1");
