/** What may be counted per whom. A rule that cannot be kept keeps the server from starting. */
import { Duration, type Static, Type } from "postern/plugin";

/** One of these words, as the compiler sees it, too. */
const words = <W extends string>(list: readonly W[], description: string) =>
  Type.Unsafe<W>(
    Type.Union(
      list.map((word) => Type.Literal(word)),
      { description },
    ),
  );

export const COUNTED = [
  "connections",
  "concurrency",
  "tlsHandshakes",
  "authAttempts",
  "messages",
  "recipients",
  "bytes",
] as const;
export type Counted = (typeof COUNTED)[number];
const PER = ["address", "network", "login", "sender", "senderDomain", "server"] as const;
export type Per = (typeof PER)[number];

export const RuleOptions = Type.Object({
  count: words(COUNTED, "What is counted."),
  per: words(PER, "Whose it is."),
  limit: Type.Integer({ minimum: 0, description: "So many are let through; of `bytes`, so many bytes." }),
  within: Duration({ default: "1m", minimum: "1s", maximum: "31d", description: "In so long; not for `concurrency`." }),
  authenticated: Type.Boolean({ default: true, description: "Count clients that have logged in, too." }),
  ipv4Prefix: Type.Integer({ default: 24, minimum: 0, maximum: 32, description: "Bits of a `network` in IPv4." }),
  ipv6Prefix: Type.Integer({
    default: 64,
    minimum: 0,
    maximum: 128,
    description: "Bits of a `network`, and of an `address`, in IPv6.",
  }),
  exempt: Type.Array(Type.String(), { default: [], description: "Tables of those for whom this rule does not hold." }),
  text: Type.String({
    default: "Too many {count}, try again later",
    description: "Refusal; `{count}`, `{limit}`, `{seconds}`, `{subject}`.",
  }),
});
export type RuleOptions = Static<typeof RuleOptions>;

/** Before a login, and before MAIL, nobody knows whose it is. */
const ALLOWED: Readonly<Record<Counted, readonly Per[]>> = {
  connections: ["address", "network", "server"],
  concurrency: ["address", "network", "server"],
  tlsHandshakes: ["address", "network", "server"],
  authAttempts: ["address", "network", "login", "server"],
  messages: PER,
  recipients: PER,
  bytes: PER,
};

export interface Rule extends RuleOptions {
  /** Under which its counter stands: the same for a rule that only changed its limit. */
  readonly id: string;
}

/** Throws for a combination that cannot be. */
export function ruleOf(options: RuleOptions, index: number): Rule {
  const { count, per, within } = options;
  if (!ALLOWED[count].includes(per)) {
    throw new Error(`rules[${index}]: ${count} cannot be counted per ${per}, only per ${ALLOWED[count].join(", ")}`);
  }
  return { ...options, id: `${count}/${within}` };
}
