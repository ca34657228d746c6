/** What can be checked, at which hook at the earliest, and what a client is told was rejected. */

export const phases = ["connect", "helo", "mailFrom", "rcptTo", "data"] as const;
export type Phase = (typeof phases)[number];

interface Kind {
  readonly earliest: Phase;
  /** As Postfix words it. */
  readonly what: string;
}

export const kinds = {
  client: { earliest: "connect", what: "Client host" },
  reverseClient: { earliest: "connect", what: "Unverified Client host" },
  clientMx: { earliest: "connect", what: "Client host" },
  clientNs: { earliest: "connect", what: "Client host" },
  clientA: { earliest: "connect", what: "Client host" },
  reverseClientMx: { earliest: "connect", what: "Unverified Client host" },
  reverseClientNs: { earliest: "connect", what: "Unverified Client host" },
  reverseClientA: { earliest: "connect", what: "Unverified Client host" },
  helo: { earliest: "helo", what: "Helo command" },
  heloMx: { earliest: "helo", what: "Helo command" },
  heloNs: { earliest: "helo", what: "Helo command" },
  heloA: { earliest: "helo", what: "Helo command" },
  certificate: { earliest: "mailFrom", what: "Client certificate" },
  login: { earliest: "mailFrom", what: "SASL login name" },
  sender: { earliest: "mailFrom", what: "Sender address" },
  senderMx: { earliest: "mailFrom", what: "Sender address" },
  senderNs: { earliest: "mailFrom", what: "Sender address" },
  senderA: { earliest: "mailFrom", what: "Sender address" },
  recipient: { earliest: "rcptTo", what: "Recipient address" },
  recipientMx: { earliest: "rcptTo", what: "Recipient address" },
  recipientNs: { earliest: "rcptTo", what: "Recipient address" },
  recipientA: { earliest: "rcptTo", what: "Recipient address" },
} as const satisfies Record<string, Kind>;

export type CheckKind = keyof typeof kinds;
export const checkKinds = Object.keys(kinds) as CheckKind[];

/** Of the servers that DNS names for a domain; for those `OK` is no answer, as anybody can name any server. */
export const serversOf = (kind: CheckKind): "mx" | "ns" | "a" | null =>
  kind.endsWith("Mx") ? "mx" : kind.endsWith("Ns") ? "ns" : kind.endsWith("A") ? "a" : null;

export const isOfRecipient = (kind: CheckKind): boolean => kind.startsWith("recipient");

/** A text says why this check cannot be made then. */
export function phaseOf(kind: CheckKind, at: Phase | undefined): Phase | { readonly mistake: string } {
  const { earliest } = kinds[kind];
  if (at === undefined) return earliest;
  if (phases.indexOf(at) < phases.indexOf(earliest))
    return { mistake: `the check "${kind}" cannot be made at ${at}: nothing is known of it before ${earliest}` };
  if (isOfRecipient(kind) && at !== "rcptTo")
    return { mistake: `the check "${kind}" is made for each recipient, at rcptTo` };
  return at;
}
