/** What is asked about a message, by the way it came in. The one place that says so. */
import type { Origin } from "../contracts/envelope.ts";

export interface OriginRules {
  /** Hook `destination` must claim each recipient; otherwise the origin itself is the grant. */
  readonly asksDestination: boolean;
  readonly expands: boolean;
  readonly asksRcptTo: boolean;
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
  expands: true,
  asksRcptTo: true,
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
  asksMessage: false,
  completes: "never",
};

export const originTable: Readonly<Record<Origin, OriginRules>> = {
  smtp: fromOutside,
  lmtp: fromOutside,
  // A user of this machine: no client to judge, but its content is checked like anybody's.
  sendmail: { ...fromOutside, asksDestination: false, asksRcptTo: false, completes: "always" },
  bounce: ownMaking,
  forward: ownMaking,
  // It was complete, traced and signed when it was set aside.
  release: { ...ownMaking, expands: false, prepares: false, traces: false, signs: false },
};
