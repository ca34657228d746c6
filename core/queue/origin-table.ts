/** What is asked about a message, by the way it came in. The one place that says so. */
import type { Envelope, Origin } from "../contracts/envelope.ts";

export interface OriginRules {
  /** Hook `destination` must claim each recipient; otherwise the origin itself is the grant. */
  readonly asksDestination: boolean;
  /** `dead`: only where an address leads nowhere as it is. */
  readonly expands: "always" | "dead" | "never";
  readonly asksRcptTo: boolean;
  /** A client waits for the answer, and not for ever. */
  readonly hasClient: boolean;
  /** Hooks `message` and `messageFor`. */
  readonly asksMessage: boolean;
  /** Missing header fields are added (RFC 6409 8): for mail that starts its way here. */
  readonly completes: "always" | "submission" | "never";
  readonly prepares: boolean;
  /** A `Received:` field, and the check of how many there are. */
  readonly traces: boolean;
  readonly signs: boolean;
  readonly claimsQueue: boolean;
}

const fromOutside: OriginRules = {
  asksDestination: true,
  expands: "always",
  asksRcptTo: true,
  hasClient: true,
  asksMessage: true,
  completes: "submission",
  prepares: true,
  traces: true,
  signs: true,
  claimsQueue: true,
};

/** Mail of our own making: nobody is asked whether we may send it, and nobody may refuse it. */
const ownMaking: OriginRules = {
  ...fromOutside,
  asksDestination: false,
  asksRcptTo: false,
  hasClient: false,
  asksMessage: false,
  completes: "never",
};

const originTable: Readonly<Record<Origin, OriginRules>> = {
  smtp: fromOutside,
  lmtp: fromOutside,
  // A user of this machine: no client to judge, but its content is checked like anybody's.
  sendmail: { ...fromOutside, asksDestination: false, asksRcptTo: false, hasClient: false, completes: "always" },
  bounce: ownMaking,
  forward: ownMaking,
  // It was complete, traced and signed when it was set aside.
  release: { ...ownMaking, expands: "never", prepares: false, traces: false, signs: false },
};

/** What a content filter hands back was granted, expanded and completed when it came in. Policies are asked as their `when` says. */
const handedBack: OriginRules = {
  ...fromOutside,
  asksDestination: false,
  expands: "dead",
  completes: "never",
  prepares: false,
};

export const isReinjected = ({ session }: Pick<Envelope, "session">): boolean => session?.listener.role === "reinject";

export const rulesOf = (envelope: Pick<Envelope, "origin" | "session">): OriginRules =>
  envelope.origin === "smtp" && isReinjected(envelope) ? handedBack : originTable[envelope.origin];
