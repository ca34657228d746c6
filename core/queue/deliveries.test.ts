import { afterEach, describe, expect, it } from "vitest";
import type { Delivery } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import { accept, amend, defer, proceed, reject, routed } from "../kernel/verdicts.ts";
import type { Listed } from "../testing/kernel.ts";
import { openingOf, sendText, spoolWith, until } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { delivering, directory, hooksPlugin, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";

const flows = new MailFlows(openRelay);
afterEach(() => flows.close());
const flowOf = flows.open;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const nobody = openingOf({ from: null });

const addressesOf = (delivery: Delivery) => delivery.recipients.map(({ address }) => address.toString());

describe("a try", () => {
  it("hands fresh mail over from memory, without reading the spool", async () => {
    const { plugin, delivered } = recording();
    const wrapSpool = spoolWith(() => ({ read: () => Promise.reject(new Error("nobody should ask")) }));
    const flow = await flowOf([plugin], { wrapSpool });
    await sendText(flow, { to: ["x@example.net"] });
    await flow.quiet();
    expect(delivered).toMatchObject([{ to: ["x@example.net"], attempt: 1 }]);
    expect(flow.queue.stats()).toMatchObject({ ready: 0, active: 0, deferred: 0 });
  });

  it("puts recipients with the same way into one delivery, others apart", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    await sendText(flow, { to: ["a@one.example", "b@two.example", "c@one.example"] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to.join(" ")).sort()).toEqual(["a@one.example c@one.example", "b@two.example"]);
  });

  it("splits what is more than one transaction should carry", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin], { options: { maxRecipientsPerDelivery: 2 } });
    await sendText(flow, { to: ["1", "2", "3", "4", "5"].map((name) => `${name}@one.example`) });
    await flow.quiet();
    expect(delivered.map(({ to }) => to.length)).toEqual([2, 2, 1]);
  });

  it("removes what is settled, and repeats only the rest", async () => {
    const tries: string[] = [];
    let isUp = false;
    const { plugin } = recording((address) => {
      tries.push(address);
      return address.startsWith("slow") && !isUp ? outcomes.deferred : outcomes.delivered;
    });
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: nobody, to: ["fast@example.net", "slow@example.net"] });
    await flow.quiet();
    expect(flow.queue.stats().deferred).toBe(1);
    isUp = true;
    flow.clock.advance(10 * MINUTE);
    await flow.quiet();
    expect(tries).toEqual(["fast@example.net", "slow@example.net", "slow@example.net"]);
    expect(flow.queue.stats().deferred).toBe(0);
  });

  it("tells settled for each recipient, after it is on disk", async () => {
    const told: string[] = [];
    const settled: string[] = [];
    const { plugin } = recording();
    const flow = await flowOf(
      [
        plugin,
        hooksPlugin({
          settled(delivery, { address }, outcome) {
            told.push(`${address} ${outcome.at} ${delivery.attempt} ${settled.length}`);
          },
        }),
      ],
      {
        wrapSpool: spoolWith((spool) => ({
          async settle(id, recipientId, outcome) {
            await spool.settle(id, recipientId, outcome);
            settled.push(String(recipientId));
          },
        })),
      },
    );
    await sendText(flow, { to: ["a@example.net", "b@example.net"] });
    await flow.quiet();
    expect(told).toEqual(["a@example.net delivered 1 1", "b@example.net delivered 1 2"]);
  });

  it.each<[string, Listed, string]>([
    ["nobody routes", hooksPlugin({ deliver: () => proceed }), "451 4.3.5"],
    ["the route is put off", hooksPlugin({ route: () => defer("no DNS", { detail: "4.3" }) }), "451 4.4.3"],
    [
      "a route handler throws",
      hooksPlugin({
        route: () => {
          throw new Error("broken");
        },
      }),
      "451 4.3.0",
    ],
    ["nobody delivers", hooksPlugin({ route: () => routed("test", null) }), "451 4.3.5"],
    [
      "a delivery throws",
      delivering(() => {
        throw new Error("broken");
      }),
      "451 4.3.0",
    ],
    [
      "a delivery settles with nonsense",
      delivering((d) => d.settle(d.recipients[0] as Recipient, { at: "done" } as never)),
      "451 4.3.0",
    ],
  ])("puts off when %s", async (_, plugin, reply) => {
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: nobody, to: ["x@example.net"] });
    await flow.quiet();
    expect(flow.queue.stats()).toMatchObject({ deferred: 1, active: 0 });
    const [line] = flow.lines.filter(({ text }) => text === "deferred");
    expect(line?.fields.reply).toContain(reply);
    expect(flow.lines.some(({ level }) => level === "error" || level === "warn") || reply === "451 4.4.3").toBe(true);
  });

  it("keeps what was settled before a handler threw", async () => {
    const tries: string[][] = [];
    const flow = await flowOf([
      delivering(async (delivery) => {
        tries.push(addressesOf(delivery));
        const [first] = delivery.recipients;
        if (first) await delivery.settle(first, outcomes.delivered);
        if (delivery.recipients.length > 0) throw new Error("connection lost");
      }),
    ]);
    await sendText(flow, { opening: nobody, to: ["a@example.net", "b@example.net", "c@example.net"] });
    await flow.quiet();
    for (let n = 0; n < 2; n += 1) {
      flow.clock.advance(HOUR);
      await flow.quiet();
    }
    expect(tries).toEqual([
      ["a@example.net", "b@example.net", "c@example.net"],
      ["b@example.net", "c@example.net"],
      ["c@example.net"],
    ]);
    expect(flow.queue.stats().deferred).toBe(0);
  });

  it("waits for a handler that hangs beyond its time, and counts what it settles late", async () => {
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    const plugin = hooksPlugin({
      route: () => routed("test", "one"),
      async deliver(delivery, call) {
        begun += 1;
        await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
        await hanging;
        const [first] = delivery.recipients;
        if (first) await delivery.settle(first, outcomes.delivered);
        return proceed;
      },
    });
    const flow = await flowOf([[plugin, {}, { timeoutMs: 5 }]]);
    await sendText(flow, { opening: nobody, to: ["a@example.net", "b@example.net"] });
    await until(() => begun === 1);
    flow.clock.advance(HOUR);
    void flow.queue.flush();
    expect(flow.queue.stats()).toMatchObject({ active: 1, delivering: 1 });
    release();
    await flow.quiet();
    const reports = flow.lines.filter(({ text }) => text === "delivered" || text === "deferred");
    expect(reports.map(({ text, fields }) => `${text} ${fields.recipient}`)).toEqual([
      "delivered a@example.net",
      "deferred b@example.net",
    ]);
    expect(begun).toBe(1);
  });

  it("counts a settlement that nobody waited for", async () => {
    const late: Promise<void>[] = [];
    let tries = 0;
    const flow = await flowOf([
      delivering((delivery) => {
        tries += 1;
        const [recipient] = delivery.recipients;
        if (recipient) {
          const turn = new Promise<void>((resolve) => setImmediate(resolve));
          late.push(
            turn
              .then(() => until(() => flow.queue.stats().deferred === 1))
              .then(() => delivery.settle(recipient, outcomes.delivered)),
          );
        }
      }),
    ]);
    await sendText(flow, { opening: nobody, to: ["a@example.net"] });
    await flow.quiet();
    await Promise.all(late);
    flow.clock.advance(HOUR);
    await flow.quiet();
    expect(tries).toBe(1);
    expect(flow.queue.stats().deferred).toBe(0);
  });

  it("never records a recipient twice in one delivery, nor one of somebody else", async () => {
    const errors: unknown[] = [];
    const flow = await flowOf([
      delivering(async (delivery) => {
        const [recipient] = delivery.recipients;
        if (!recipient) return;
        await delivery.settle(recipient, outcomes.delivered);
        await delivery.settle(recipient, outcomes.failed);
        await delivery.settle({ ...recipient, id: 99 }, outcomes.failed).catch((cause: unknown) => errors.push(cause));
      }),
    ]);
    await sendText(flow, { to: ["a@example.net"] });
    await flow.quiet();
    expect(errors).toEqual([expect.any(RangeError)]);
    expect(flow.lines.filter(({ text }) => text === "delivered" || text === "failed").length).toBe(1);
  });

  it("takes the route that a change has fixed", async () => {
    const seen: string[] = [];
    const flow = await flowOf([
      hooksPlugin({
        message: () => amend({ op: "route", transport: "quiet", nextHop: "10.0.0.1" }),
        route: () => routed("other", null),
        async deliver(delivery) {
          seen.push(`${delivery.route.transport} ${delivery.route.nextHop}`);
          for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.relayed);
          return proceed;
        },
      }),
    ]);
    await sendText(flow, { to: ["a@example.net"] });
    await flow.quiet();
    expect(seen).toEqual(["quiet 10.0.0.1"]);
  });
});

it("takes a rejected route for a failure", async () => {
  const flow = await flowOf([hooksPlugin({ route: () => reject("no such host", { detail: "1.2" }) })]);
  await sendText(flow, { opening: nobody, to: ["a@nowhere.example"] });
  await flow.quiet();
  const [line] = flow.lines.filter(({ text }) => text === "failed");
  expect(line?.fields.reply).toBe("550 5.1.2 no such host");
});

it("serves local mail beside all that", async () => {
  const { plugin, delivered } = recording();
  const here = directory("example.org", "ann@example.org");
  const flow = await flowOf([here, plugin, hooksPlugin({ destination: () => accept("x") })]);
  await sendText(flow, { to: ["ann@example.org"] });
  await flow.quiet();
  expect(delivered).toMatchObject([{ to: ["ann@example.org"] }]);
});
