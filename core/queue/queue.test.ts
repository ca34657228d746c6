import { afterEach, describe, expect, it } from "vitest";
import type { Delivery } from "../contracts/delivery.ts";
import { type MailFlow, openingOf, openMailFlow, sendText, spoolWith, until } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { delivering, hooksPlugin, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";

const flows = new MailFlows(openRelay);
afterEach(() => flows.close());
const flowOf = flows.open;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const nobody = openingOf({ from: null });

const addressesOf = (delivery: Delivery) => delivery.recipients.map(({ address }) => address.toString());

describe("the schedule", () => {
  it("backs off, and keeps attempts and time over a restart", async () => {
    const at: number[] = [];
    const { plugin } = recording(() => outcomes.deferred);
    const plugins = [plugin, hooksPlugin({ settled: (delivery) => void at.push(delivery.attempt) })];
    const flow = await flowOf(plugins);
    await sendText(flow, { opening: nobody, to: ["a@example.net"] });
    await flow.quiet();
    const times: number[] = [];
    const start = flow.clock.now();
    let current = flow;
    for (let n = 0; n < 4; n += 1) {
      while (at.length === n + 1) {
        current.clock.advance(MINUTE);
        await current.quiet();
      }
      times.push((current.clock.now() - start) / MINUTE);
      current = await flows.again(current, plugins);
      await current.quiet();
    }
    expect(at).toEqual([1, 2, 3, 4, 5]);
    expect(times).toEqual([5, 15, 35, 75]);
  });

  it("flush tries what waits at once", async () => {
    let tries = 0;
    const { plugin } = recording(() => {
      tries += 1;
      return outcomes.deferred;
    });
    const flow = await flowOf([plugin]);
    for (let n = 0; n < 3; n += 1) await sendText(flow, { opening: nobody, to: [`${n}@example.net`] });
    await flow.quiet();
    expect(tries).toBe(3);
    await flow.queue.flush();
    await flow.quiet();
    expect(tries).toBe(6);
  });

  it("takes up after a crash what was accepted and not tried", async () => {
    const { plugin, delivered } = recording();
    const first = await openMailFlow({ plugins: [openRelay, plugin], starts: false });
    const stopped = first.queue.stop();
    const { submitted } = await sendText(first, { to: ["a@example.net"] });
    expect(submitted.at).toBe("queued");
    await stopped;
    await first.crash();
    expect(delivered).toEqual([]);
    const flow = await flowOf([plugin], { directory: first.directory, clock: first.clock });
    await flow.quiet();
    expect(delivered).toMatchObject([{ to: ["a@example.net"] }]);
    await flow.crash();
    const again = await flowOf([plugin], { directory: first.directory, clock: first.clock });
    await again.quiet();
    expect(delivered.length).toBe(1);
  });

  it("repeats after a crash only who was not settled", async () => {
    let hang = true;
    let tell = () => {};
    const recorded = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const tries: string[][] = [];
    const plugin = delivering(async (delivery) => {
      tries.push(addressesOf(delivery));
      for (const recipient of delivery.recipients) {
        if (hang && recipient.address.localPart === "b") {
          tell();
          await new Promise(() => {});
        }
        await delivery.settle(recipient, outcomes.delivered);
      }
    });
    const first = await openMailFlow({ plugins: [openRelay, plugin] });
    await sendText(first, { to: ["a@example.net", "b@example.net"] });
    await recorded;
    await first.crash();
    hang = false;
    const flow = await flowOf([plugin], { directory: first.directory, clock: first.clock });
    await flow.quiet();
    expect(tries).toEqual([["a@example.net", "b@example.net"], ["b@example.net"]]);
  });
});

describe("limits", () => {
  it("bounds deliveries in all and to each destination, first come first served", async () => {
    let running = 0;
    let most = 0;
    const perHost = new Map<string, number>();
    const mostPerHost = new Map<string, number>();
    const order: string[] = [];
    const plugin = delivering(async (delivery) => {
      const host = delivery.route.nextHop ?? "";
      running += 1;
      most = Math.max(most, running);
      perHost.set(host, (perHost.get(host) ?? 0) + 1);
      mostPerHost.set(host, Math.max(mostPerHost.get(host) ?? 0, perHost.get(host) ?? 0));
      order.push(...addressesOf(delivery));
      for (let n = 0; n < 3; n += 1) await new Promise((resolve) => setImmediate(resolve));
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
      running -= 1;
      perHost.set(host, (perHost.get(host) ?? 0) - 1);
    });
    const flow = await flowOf([plugin], { options: { maxDeliveries: 4, maxPerDestination: 2 } });
    const hosts = ["one.example", "two.example", "three.example"];
    for (let n = 0; n < 30; n += 1) await sendText(flow, { to: [`${n}@${hosts[n % 3]}`] });
    await flow.quiet();
    expect(order.length).toBe(30);
    expect(most).toBeLessThanOrEqual(4);
    expect([...mostPerHost.values()].every((count) => count <= 2)).toBe(true);
    for (const host of hosts) {
      const numbers = order.filter((address) => address.endsWith(host)).map((address) => Number.parseInt(address, 10));
      expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    }
  });

  it("a destination that hangs holds nobody else up, however much waits for it", async () => {
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    const delivered: string[] = [];
    const plugin = delivering(async (delivery) => {
      if (delivery.route.nextHop === "slow.example") await hanging;
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
      delivered.push(...addressesOf({ ...delivery, recipients: delivery.envelope.recipients } as Delivery));
    });
    const flow = await flowOf([plugin], { options: { maxMessages: 50, maxDeliveries: 10, maxPerDestination: 2 } });
    for (let n = 0; n < 100; n += 1) await sendText(flow, { to: [`${n}@slow.example`] });
    for (let n = 0; n < 20; n += 1) await sendText(flow, { to: [`${n}@fast.example`] });
    await until(() => delivered.length === 20);
    expect(delivered.every((address) => address.endsWith("@fast.example"))).toBe(true);
    expect(flow.queue.stats().parked).toBeGreaterThan(50);
    release();
    await until(() => delivered.length === 120);
    await flow.quiet();
    expect(flow.queue.stats()).toMatchObject({ parked: 0, deferred: 0, active: 0 });
    expect(new Set(delivered).size).toBe(120);
  });

  it("keeps no more bytes in memory than it may, and reads the rest back", async () => {
    const { plugin, delivered } = recording();
    const reads: string[] = [];
    const wrapSpool = spoolWith((spool) => ({
      read(id) {
        reads.push(id);
        return spool.read(id);
      },
    }));
    const flow = await flowOf([plugin], { wrapSpool, options: { maxBytes: 10_000 } });
    const text = `Subject: s\n\n${"x".repeat(3000)}\n`;
    await Promise.all(Array.from({ length: 20 }, (_, n) => sendText(flow, { to: [`${n}@example.net`], text })));
    await flow.quiet();
    expect(delivered.length).toBe(20);
    expect(reads.length).toBeGreaterThanOrEqual(10);
    expect(new Set(delivered.map(({ id }) => id)).size).toBe(20);
  });

  it("delivers a message that is kept in a file", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const line = `${"y".repeat(70)}\n`;
    await sendText(flow, { to: ["a@example.net"], text: `Subject: large\n\n${line.repeat(40_000)}` });
    await flow.quiet();
    expect(delivered[0]?.text.length).toBeGreaterThan(72 * 40_000);
  });
});

describe("the end", () => {
  it("waits for deliveries that run, and leaves the others in the spool as they were", async () => {
    let release = () => {};
    const hanging = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = 0;
    const delivered: string[] = [];
    const plugin = delivering(async (delivery) => {
      begun += 1;
      await hanging;
      for (const recipient of delivery.recipients) await delivery.settle(recipient, outcomes.delivered);
      delivered.push(delivery.envelope.id);
    });
    const flow = await openMailFlow({ plugins: [openRelay, plugin], options: { maxPerDestination: 1 } });
    for (let n = 0; n < 3; n += 1) await sendText(flow, { to: [`${n}@example.net`] });
    await until(() => begun === 1);
    let isStopped = false;
    const stopped = flow.queue.stop().then(() => {
      isStopped = true;
    });
    await sendText(flow, { to: ["late@example.net"] });
    expect(isStopped).toBe(false);
    release();
    await stopped;
    expect(begun).toBe(1);
    await flow.crash();
    const again = await flowOf([plugin], { directory: flow.directory, clock: flow.clock });
    await again.quiet();
    expect(begun).toBe(4);
    expect(new Set(delivered).size).toBe(4);
  });

  it.each([
    ["when drainMs is over", (flow: MailFlow) => flow.clock.advance(MINUTE), false],
    ["at the signal", () => {}, true],
  ])("gives up %s", async (_, give, signals) => {
    let begun = 0;
    const plugin = delivering(() => {
      begun += 1;
      return new Promise<void>(() => {});
    });
    const flow = await flowOf([plugin]);
    await sendText(flow, { to: ["a@example.net"] });
    await until(() => begun === 1);
    const controller = new AbortController();
    const stopped = flow.queue.stop(controller.signal);
    give(flow);
    if (signals) controller.abort();
    await stopped;
    expect(flow.lines.some(({ level, text }) => level === "warn" && text.startsWith("stopped while"))).toBe(true);
  });
});

describe("when the spool fails", () => {
  it("an outcome that could not be recorded is not tried again, and is recorded later", async () => {
    let isBroken = true;
    const { plugin, delivered } = recording();
    const wrapSpool = spoolWith((spool) => ({
      settle: (...args) => (isBroken ? Promise.reject(new Error("EIO")) : spool.settle(...args)),
    }));
    const flow = await flowOf([plugin], { wrapSpool });
    await sendText(flow, { to: ["a@example.net"] });
    await flow.quiet();
    expect(delivered.length).toBe(1);
    isBroken = false;
    flow.clock.advance(HOUR);
    await flow.quiet();
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
    expect(delivered.length).toBe(1);
  });

  it("a message that cannot be read now is tried again later", async () => {
    let isBroken = false;
    const { plugin, delivered } = recording((_, { attempt }) =>
      attempt === 1 ? outcomes.deferred : outcomes.delivered,
    );
    const wrapSpool = spoolWith((spool) => ({
      read: (id) => (isBroken ? Promise.reject(new Error("EMFILE")) : spool.read(id)),
    }));
    const flow = await flowOf([plugin], { wrapSpool });
    await sendText(flow, { opening: nobody, to: ["a@example.net"] });
    await flow.quiet();
    isBroken = true;
    flow.clock.advance(6 * MINUTE);
    await flow.quiet();
    expect(flow.queue.stats().deferred).toBe(1);
    isBroken = false;
    flow.clock.advance(6 * MINUTE);
    await flow.quiet();
    expect(delivered.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});
