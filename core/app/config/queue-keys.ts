/** The key `queue:` of the config file: when waiting mail is tried again, and how much at a time goes where. */
import { type Static, Type } from "typebox";
import { Duration } from "../../kernel/unit-schemas.ts";
import { parseDuration } from "../../kernel/units.ts";
import type { DestinationRates, DestinationRule } from "../../queue/destination-limits.ts";
import type { QueueOptions } from "../../queue/queue-options.ts";
import type { Rate } from "../../queue/token-bucket.ts";

const RatePattern = "^[1-9][0-9]{0,8}/[1-9][0-9]*(ms|s|m|h|d|w)$";

const rate = (description: string) =>
  Type.Optional(
    Type.String({ description, pattern: RatePattern, expected: "a number and a time, such as 100/1m or 5000/1d" }),
  );

const count = (description: string, init: { readonly default?: number; readonly maximum?: number }) =>
  Type.Integer({ description, minimum: 1, maximum: 10_000, ...init });

export const destinationKeys = Type.Object({
  match: Type.Array(
    Type.String({
      pattern: "^[^\\s]{1,255}$",
      expected: "a domain or host, .example.org for it and all below, or a transport's name with a colon",
    }),
    {
      description:
        "Next hops for which this holds: `example.org`, `.example.org` for it and all below, `smtp:` for all of one transport. The closest one counts, then the first.",
      minItems: 1,
    },
  ),
  maxConcurrency: Type.Optional(count("Deliveries there at a time, of all workers together.", {})),
  messageRate: rate("Messages for each destination, evenly spread, of all workers together: `100/1m`."),
  recipientRate: rate("The same in recipients."),
});

export const queueKeys = Type.Object(
  {
    firstRetry: Duration({
      description: "Pause before the second try; it doubles from try to try.",
      minimum: "1s",
      default: "5m",
    }),
    maxRetry: Duration({ description: "Longest pause between two tries.", minimum: "1s", default: "66m" }),
    expiry: Duration({
      description: "After that, what is not delivered is given back to its sender.",
      minimum: "1s",
      default: "5d",
    }),
    bounceExpiry: Duration({
      description: "The same for mail with the null sender: reports, which nobody waits for that long.",
      minimum: "1s",
      default: "1d",
    }),
    warnAfter: Duration({ description: "When a sender is told that it takes longer.", minimum: "1s", default: "4h" }),
    maxDeliveries: count("Deliveries at a time, of each worker.", { default: 200 }),
    maxPerDestination: count("Deliveries to one next hop at a time, of all workers together.", { default: 20 }),
    startPerDestination: count("The same for a next hop that nothing is known of; it grows with success.", {
      default: 5,
    }),
    deadAfter: count("So many failures in a row, and a next hop is left alone for a while.", { default: 3 }),
    messageRate: rate(
      "Messages for each next hop, evenly spread, of all workers together: `100/1m`. As fast as it can by default.",
    ),
    recipientRate: rate("The same in recipients."),
    destinations: Type.Array(destinationKeys, {
      description: "Other limits for some destinations, see below.",
      default: [],
    }),
  },
  {
    description:
      "When mail that waits is tried again, and how much at a time goes where; [the guide](../guide/queue.md) tells how.",
  },
);

type QueueKeys = Static<typeof queueKeys>;

export type QueueConfig = Pick<
  QueueOptions,
  | "firstRetryMs"
  | "maxRetryMs"
  | "expiryMs"
  | "bounceExpiryMs"
  | "warnAfterMs"
  | "maxDeliveries"
  | "maxPerDestination"
  | "startPerDestination"
  | "deadAfter"
  | "destinations"
  | "workers"
> &
  DestinationRates;

export const queueConfigOf = (keys: QueueKeys, workers: number): QueueConfig => ({
  firstRetryMs: keys.firstRetry,
  maxRetryMs: keys.maxRetry,
  expiryMs: keys.expiry,
  bounceExpiryMs: keys.bounceExpiry,
  warnAfterMs: keys.warnAfter,
  maxDeliveries: keys.maxDeliveries,
  maxPerDestination: keys.maxPerDestination,
  startPerDestination: keys.startPerDestination,
  deadAfter: keys.deadAfter,
  workers,
  ...ratesOf(keys),
  destinations: keys.destinations.map(
    ({ match, maxConcurrency, ...rates }): DestinationRule => ({
      match: match.map((name) => name.toLowerCase()),
      ...(maxConcurrency !== undefined && { maxConcurrency }),
      ...ratesOf(rates),
    }),
  ),
});

function ratesOf({ messageRate, recipientRate }: Pick<QueueKeys, "messageRate" | "recipientRate">): DestinationRates {
  return {
    ...(messageRate !== undefined && { messages: rateOf(messageRate) }),
    ...(recipientRate !== undefined && { recipients: rateOf(recipientRate) }),
  };
}

/** As the pattern has it. */
function rateOf(text: string): Rate {
  const slash = text.indexOf("/");
  return { count: Number(text.slice(0, slash)), periodMs: parseDuration(text.slice(slash + 1)) ?? 1 };
}
