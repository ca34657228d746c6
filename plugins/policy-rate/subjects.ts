/** Whose an event is, as the key under which it is counted. Pure. `null`: there is nobody of that kind. */
import { clientNetwork } from "postern/mail";
import type { Address, Session } from "postern/plugin";
import type { Rule } from "./rules.ts";

export interface Event {
  readonly session: Session;
  /** Of a login that is tried; else that of the session counts. */
  readonly login?: string | null;
  /** Left out before MAIL. */
  readonly reversePath?: Address | null;
}

export function subjectOf(rule: Rule, { session, login, reversePath }: Event): string | null {
  switch (rule.per) {
    case "address":
      // Whoever has one address of an IPv6 network has all of it.
      return clientNetwork(session.remote.address, { ipv4: 32, ipv6: rule.ipv6Prefix });
    case "network":
      return clientNetwork(session.remote.address, { ipv4: rule.ipv4Prefix, ipv6: rule.ipv6Prefix });
    case "login":
      return (login ?? session.identity?.login ?? null)?.toLowerCase() ?? null;
    case "sender":
      // Bounces come from everywhere.
      return reversePath ? String(reversePath).toLowerCase() : null;
    case "senderDomain":
      return reversePath ? reversePath.domain.toLowerCase() : null;
    case "server":
      return "all";
  }
}
