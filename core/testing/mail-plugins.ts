/** Small plugins for tests of the way of a message: a directory, aliases, and a delivery that does what the test says. */
import type { Delivery, Outcome } from "../contracts/delivery.ts";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin, type Plugin } from "../kernel/define.ts";
import { accept, expanded, found, proceed, routed } from "../kernel/verdicts.ts";
import { addressOf } from "./mail.ts";

export const hooksPlugin = (hooks: Hooks, name = "test-hooks"): Plugin =>
  definePlugin({ name, api: 1, setup: () => ({ hooks: { ...hooks } as {} }) });

/** Serves `domain`, with a mailbox for each of the addresses. */
export const directory = (domain: string, ...addresses: readonly string[]): Plugin =>
  hooksPlugin(
    {
      findAccount(query) {
        const login = "address" in query ? query.address.toString() : query.login;
        if (!addresses.includes(login)) return proceed;
        return found({ login, addresses: [addressOf(login)], home: `/nowhere/${login}`, quotaBytes: null });
      },
      findDomain: (query) => (query.domain === domain ? accept("served") : proceed),
    },
    "test-directory",
  );

/** An address and what stands for it. */
export const aliases = (map: Readonly<Record<string, readonly string[]>>): Plugin =>
  hooksPlugin(
    {
      expand({ address }) {
        const targets = map[address.toString()];
        return targets ? expanded(targets.map((target) => ({ address: addressOf(target) }))) : proceed;
      },
    },
    "test-aliases",
  );

/** Takes mail for every domain. */
export const openRelay = hooksPlugin({ destination: () => accept("test") }, "test-relay");

/** Routes by domain, and delivers as `handle` says. */
export const delivering = (handle: (delivery: Delivery) => void | Promise<void>): Plugin =>
  hooksPlugin(
    {
      route: ({ address }) => routed("test", address.domain),
      async deliver(delivery) {
        await handle(delivery);
        return proceed;
      },
    },
    "test-delivering",
  );

export const outcomes = {
  delivered: { at: "delivered", reply: { code: 250, status: "2.0.0", text: "kept", host: null } },
  relayed: { at: "relayed", reply: { code: 250, status: "2.0.0", text: "taken", host: "mail.example.net" } },
  deferred: { at: "deferred", reply: { code: 450, status: "4.2.1", text: "not now", host: "mail.example.net" } },
  failed: { at: "failed", reply: { code: 550, status: "5.1.1", text: "no such user", host: "mail.example.net" } },
} as const satisfies Record<string, Outcome>;

/** A delivery as a test remembers it. */
export interface Delivered {
  readonly id: string;
  readonly origin: string;
  readonly from: string | null;
  readonly to: readonly string[];
  readonly text: string;
  readonly attempt: number;
}

/** Settles every recipient as `outcomeOf` says, delivered by default, and remembers it all. */
export function recording(outcomeOf: (address: string, delivery: Delivery) => Outcome = () => outcomes.delivered): {
  readonly plugin: Plugin;
  readonly delivered: Delivered[];
} {
  const delivered: Delivered[] = [];
  const plugin = delivering(async (delivery) => {
    const { envelope, message, recipients, attempt } = delivery;
    const chunks: Buffer[] = [];
    for await (const chunk of message.content()) chunks.push(Buffer.from(chunk));
    delivered.push({
      id: envelope.id,
      origin: envelope.origin,
      from: envelope.reversePath === null ? null : envelope.reversePath.toString(),
      to: recipients.map(({ address }) => address.toString()),
      text: Buffer.concat(chunks).toString(),
      attempt,
    });
    for (const recipient of recipients)
      await delivery.settle(recipient, outcomeOf(recipient.address.toString(), delivery));
  });
  return { plugin, delivered };
}
