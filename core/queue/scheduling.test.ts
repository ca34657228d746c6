/** Destinations, senders and priorities as the whole queue schedules them. */
import { afterEach, describe, expect, it } from "vitest";
import type { Outcome } from "../contracts/delivery.ts";
import { amend, proceed } from "../kernel/verdicts.ts";
import { sessionOf } from "../testing/mail.ts";
import { type MailFlow, openingOf, openMailFlow, sendText, until } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { delivering, hooksPlugin, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";

const flows = new MailFlows(openRelay);
afterEach(() => flows.close());
const flowOf = flows.open;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const unreachable: Outcome = {
  at: "deferred",
  reply: { code: 451, status: "4.4.1", text: "connection refused", host: null },
};

async function steps(flow: MailFlow, count: number, byMs: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    flow.clock.advance(byMs);
    await flow.quiet();
  }
}

describe("a destination that takes no mail", () => {
  function broken() {
    const state = { isUp: false };
    const tries: string[] = [];
    const { plugin } = recording((address) => {
      if (!address.endsWith("@down.example")) return outcomes.delivered;
      tries.push(address);
      return state.isUp ? outcomes.delivered : unreachable;
    });
    return { state, tries, plugin };
  }

  it("costs a few tries, not one for each of its messages, and the log says why, once", async () => {
    const { tries, plugin } = broken();
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 200; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await flow.quiet();
    expect(tries.length).toBeLessThanOrEqual(5);
    expect(flow.queue.stats().deferred).toBe(200);
    const warnings = flow.lines.filter(({ text }) => text.startsWith("destination takes no mail"));
    expect(warnings).toMatchObject([
      { level: "warn", fields: { destination: "test:down.example", reply: "451 4.4.1 connection refused" } },
    ]);
    await steps(flow, 60, MINUTE);
    expect(tries.length).toBeLessThanOrEqual(10);
  });

  it("gets all of them once it is there again", async () => {
    const { state, tries, plugin } = broken();
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 50; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await flow.quiet();
    await steps(flow, 30, MINUTE);
    state.isUp = true;
    tries.length = 0;
    await steps(flow, 90, MINUTE);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0, parked: 0 });
    expect(new Set(tries).size).toBe(50);
    expect(tries.length).toBe(50);
  });

  it("is tried at once after a flush", async () => {
    const { state, tries, plugin } = broken();
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 50; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await flow.quiet();
    state.isUp = true;
    tries.length = 0;
    await flow.queue.flush();
    await flow.quiet();
    expect(tries.length).toBe(50);
  });

  it("holds nobody else up", async () => {
    const { plugin } = broken();
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 50; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await sendText(flow, { to: ["a@up.example"] });
    await flow.quiet();
    expect(flow.lines.filter(({ text }) => text === "delivered")).toMatchObject([
      { fields: { recipient: "a@up.example" } },
    ]);
  });

  it("does not keep what waits for it beyond its time; the sender is told the destination's answer", async () => {
    const { plugin } = broken();
    const reports: string[] = [];
    const flow = await flowOf([
      hooksPlugin({
        deliver(delivery) {
          if (delivery.envelope.origin === "bounce") reports.push(delivery.envelope.id);
          return proceed;
        },
      }),
      plugin,
    ]);
    for (let n = 0; n < 20; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await flow.quiet();
    await steps(flow, 5 * 24 + 2, HOUR);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
    const failures = flow.lines.filter(({ text }) => text === "failed");
    expect(failures.length).toBe(20);
    for (const { fields } of failures) expect(fields.reply).toContain("connection refused");
    expect(reports.length).toBeGreaterThanOrEqual(20);
  });

  it("does not count against recipients that are refused, or put off one by one", async () => {
    let tries = 0;
    const { plugin } = recording((address) => {
      if (address.startsWith("bob")) return outcomes.delivered;
      tries += 1;
      return outcomes.deferred;
    });
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 30; n += 1) await sendText(flow, { to: [`${n}@greylisting.example`] });
    await flow.quiet();
    expect(tries).toBe(30);
  });

  it("is what a plugin says it is", async () => {
    let tries = 0;
    const { plugin } = recording((address) => {
      if (address.startsWith("bob")) return outcomes.delivered;
      tries += 1;
      return { ...outcomes.deferred, speaksOf: "destination" };
    });
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 30; n += 1) await sendText(flow, { to: [`${n}@down.example`] });
    await flow.quiet();
    expect(tries).toBeLessThanOrEqual(5);
  });
});

describe("limits of single destinations", () => {
  it("hold for those that match, by name, domain and transport", async () => {
    const most = new Map<string, number>();
    const running = new Map<string, number>();
    let open = () => {};
    const allSent = new Promise<void>((resolve) => {
      open = resolve;
    });
    const plugin = delivering(async (delivery) => {
      await allSent;
      const host = delivery.route.nextHop ?? "";
      running.set(host, (running.get(host) ?? 0) + 1);
      most.set(host, Math.max(most.get(host) ?? 0, running.get(host) ?? 0));
      for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
      running.set(host, (running.get(host) ?? 0) - 1);
    });
    const flow = await flowOf([plugin], {
      options: {
        destinations: [
          { match: ["one.example"], maxConcurrency: 1 },
          { match: [".two.example"], maxConcurrency: 2 },
          { match: ["a.two.example"], maxConcurrency: 3 },
          { match: ["test:"], maxConcurrency: 4 },
        ],
        startPerDestination: 20,
      },
    });
    const hosts = ["one.example", "two.example", "b.two.example", "a.two.example", "other.example"];
    for (let n = 0; n < 20; n += 1) for (const host of hosts) await sendText(flow, { to: [`${n}@${host}`] });
    open();
    await flow.quiet();
    expect(Object.fromEntries(most)).toEqual({
      "one.example": 1,
      "two.example": 2,
      "b.two.example": 2,
      "a.two.example": 3,
      "other.example": 4,
    });
  });

  it("include rates, and workers share them", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin], {
      options: { messages: { count: 120, periodMs: MINUTE }, workers: 2 },
    });
    for (let n = 0; n < 100; n += 1) await sendText(flow, { to: [`${n}@example.net`] });
    await until(() => delivered.length === 1);
    for (let n = 0; n < 10; n += 1) {
      flow.clock.advance(1_000);
      await until(() => delivered.length === n + 2);
    }
    await until(() => flow.queue.stats().delivering === 0);
    expect(delivered.length).toBe(11);
  });
});

describe("senders", () => {
  const from = (sender: string) => openingOf({ from: `${sender}@example.com` });

  /** In the order of delivery, one at a time. */
  function slow() {
    const order: string[] = [];
    const plugin = delivering(async (delivery) => {
      order.push(delivery.envelope.reversePath?.localPart ?? "");
      await new Promise((resolve) => setImmediate(resolve));
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
    });
    return { order, plugin };
  }

  it("take turns: one's three hundred do not hold up another's one, whether for one destination or for many", async () => {
    for (const hosts of [1, 300]) {
      const { order, plugin } = slow();
      const options = { maxDeliveries: 4, maxMessages: 20, startPerDestination: 2, maxPerDestination: 2 };
      const flow = await flowOf([plugin], { options, starts: false });
      const sent = Array.from({ length: 300 }, (_, n) =>
        sendText(flow, { opening: from("many"), to: [`${n}@host${n % hosts}.example`] }),
      );
      await Promise.all(sent.slice(0, 200));
      const done = order.length;
      await sendText(flow, { opening: from("one"), to: ["x@host0.example"] });
      await Promise.all(sent);
      await flow.quiet();
      expect(order.length).toBe(301);
      expect(order.indexOf("one") - done).toBeLessThan(60);
    }
  });

  it("take turns among what comes back from the spool, after a restart too", async () => {
    const { order, plugin } = slow();
    const options = { maxAtHand: 20, maxMessages: 4, maxDeliveries: 2 };
    const flow = await openMailFlow({ plugins: [openRelay, plugin], starts: false, options });
    await flow.queue.stop();
    for (let n = 0; n < 200; n += 1) await sendText(flow, { opening: from("many"), to: [`${n}@example.net`] });
    await sendText(flow, { opening: from("one"), to: ["x@example.net"] });
    await flow.crash();
    const next = await flowOf([plugin], { directory: flow.directory, clock: flow.clock, options });
    await next.quiet();
    expect(order.length).toBe(201);
    expect(order.indexOf("one")).toBeLessThan(10);
  });

  it("are known by their logins first", async () => {
    const ids = new Set<string>();
    const { plugin } = recording();
    const flow = await flowOf([plugin]);
    const session = Object.assign(sessionOf(), { identity: { login: "ann" } });
    for (let n = 0; n < 10; n += 1) {
      const draft = flow.submit.open({ ...from(`${n}`), session });
      ids.add(draft.envelope.id.slice(13, 16));
      await draft.close();
    }
    expect(ids.size).toBe(1);
  });
});

describe("priorities", () => {
  const labels = hooksPlugin({
    message: ({ reversePath }) => amend({ op: "label", label: "postern/priority", value: reversePath?.localPart }),
  });

  it("say who goes first; bulk waits, but not for ever, also after a restart", async () => {
    const order: string[] = [];
    const plugin = delivering(async (delivery) => {
      order.push(delivery.envelope.reversePath?.localPart ?? "");
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
    });
    const options = { maxDeliveries: 1, maxMessages: 1_000 };
    const flow = await openMailFlow({ plugins: [openRelay, labels, plugin], starts: false, options });
    await flow.queue.stop();
    for (let n = 0; n < 40; n += 1)
      for (const name of ["bulk", "normal", "high"])
        await sendText(flow, { opening: openingOf({ from: `${name}@example.com` }), to: [`${n}@example.net`] });
    await flow.crash();
    const next = await flowOf([labels, plugin], { directory: flow.directory, clock: flow.clock, options });
    await next.quiet();
    expect(order.length).toBe(120);
    const last = (name: string) => order.lastIndexOf(name);
    expect(last("high")).toBeLessThan(last("normal"));
    expect(last("normal")).toBeLessThan(last("bulk"));
    expect(order.slice(0, 40).filter((name) => name === "bulk").length).toBeGreaterThan(0);
  });

  it("are not what the message says of itself", async () => {
    const priorities: unknown[] = [];
    const plugin = delivering(async (delivery) => {
      priorities.push(delivery.envelope.label("postern/priority"));
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
    });
    const flow = await flowOf([plugin]);
    await sendText(flow, { to: ["a@example.net"], text: "Priority: urgent\nPrecedence: bulk\nSubject: s\n\nx\n" });
    await flow.quiet();
    expect(priorities).toEqual([undefined]);
  });
});

describe("expiry", () => {
  it("comes sooner for what nobody is to be told of", async () => {
    const { plugin } = recording(() => outcomes.deferred);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: openingOf({ from: null }), to: ["a@example.net"] });
    await flow.quiet();
    await steps(flow, 23, HOUR);
    expect(flow.lines.some(({ text }) => text === "failed")).toBe(false);
    await steps(flow, 1, HOUR);
    expect(flow.lines.filter(({ text }) => text === "failed").length).toBe(1);
  });

  it("comes when it is due, not with the next try after it", async () => {
    const { plugin } = recording((address) => (address.startsWith("bob") ? outcomes.delivered : outcomes.deferred));
    const flow = await flowOf([plugin], {
      options: { expiryMs: 2 * HOUR, maxRetryMs: DAY, firstRetryMs: 50 * MINUTE },
    });
    await sendText(flow, { to: ["a@example.net"] });
    await flow.quiet();
    await steps(flow, 119, MINUTE);
    expect(flow.lines.some(({ text }) => text === "failed")).toBe(false);
    await steps(flow, 1, MINUTE);
    expect(flow.lines.filter(({ text }) => text === "failed").length).toBe(1);
  });
});

describe("a delivery that breaks off after 50 of 100", () => {
  const to = Array.from({ length: 100 }, (_, n) => `${n}@example.net`);

  it.each([
    ["throws", false],
    ["is cut off by a crash", true],
  ])("and %s repeats only the other 50", async (_, crashes) => {
    const tries: number[] = [];
    const got = new Map<string, number>();
    let isBroken = true;
    let tell = () => {};
    const halfway = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const plugin = delivering(async (delivery) => {
      tries.push(delivery.recipients.length);
      for (const [at, recipient] of delivery.recipients.entries()) {
        if (isBroken && at === 50) {
          tell();
          if (crashes) await new Promise(() => {});
          throw new Error("broken off");
        }
        got.set(recipient.address.localPart, (got.get(recipient.address.localPart) ?? 0) + 1);
        await delivery.settle(recipient, outcomes.delivered);
      }
    });
    const first = await openMailFlow({ plugins: [openRelay, plugin] });
    await sendText(first, { opening: openingOf({ from: null }), to });
    await halfway;
    if (!crashes) await first.quiet();
    await first.crash();
    isBroken = false;
    const flow = await flowOf([plugin], { directory: first.directory, clock: first.clock });
    await flow.quiet();
    await steps(flow, 10, MINUTE);
    expect(tries).toEqual([100, 50]);
    expect([...got.values()].every((times) => times === 1)).toBe(true);
    expect(got.size).toBe(100);
  });
});
