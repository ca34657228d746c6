/** Administrators' actions, at rest, under way and over a crash. Real spool files, a clock turned by hand. */
import { afterEach, describe, expect, it } from "vitest";
import type { Delivery } from "../contracts/delivery.ts";
import type { SpoolEntry } from "../contracts/spool.ts";
import type { Listed } from "../testing/kernel.ts";
import { type MailFlow, type MailFlowInit, openingOf, sendText, spoolWith, until } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { delivering, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const flows = new MailFlows(openRelay);
afterEach(() => flows.close());
const flowOf = flows.open;

/** The same spool after a crash. */
async function again(flow: MailFlow, plugins: readonly Listed[], more: Partial<MailFlowInit> = {}): Promise<MailFlow> {
  const next = await flows.again(flow, plugins, more);
  await next.quiet();
  return next;
}

const idOf = ({ submitted }: Awaited<ReturnType<typeof sendText>>): string => {
  if (submitted.at !== "queued") throw new Error("not queued");
  return submitted.id;
};

const entryOf = async ({ spool }: MailFlow, id: string): Promise<SpoolEntry> => {
  const entry = await spool.read(id);
  if (!entry) throw new Error("gone");
  return entry;
};

/** Everything is put off until `isUp` says so. */
function switched() {
  const state = { isUp: false };
  const { plugin, delivered } = recording((address) =>
    state.isUp || address.startsWith("postmaster") ? outcomes.delivered : outcomes.deferred,
  );
  return { state, plugin, delivered };
}

async function waiting(to: readonly string[] = ["a@example.net"], from: string | null = "bob@example.com") {
  const { state, plugin, delivered } = switched();
  const flow = await flowOf([plugin]);
  const id = idOf(await sendText(flow, { opening: openingOf({ from }), to }));
  await flow.quiet();
  delivered.length = 0;
  return { flow, id, plugin, state, delivered };
}

describe("hold and release", () => {
  it("keep a message from being tried, over a crash, flushes and all time; then it goes at once", async () => {
    const { flow, id, plugin, state, delivered } = await waiting();
    state.isUp = true;
    expect(await flow.queue.hold(id, "looks odd\r\nX: y")).toBe("changed");
    expect((await entryOf(flow, id)).envelope.hold).toBe("looks odd X: y");
    const next = await again(flow, [plugin]);
    next.clock.advance(30 * DAY);
    await next.quiet();
    await next.queue.flush();
    expect(await next.queue.retry(id)).toBe("held");
    await next.quiet();
    expect(delivered).toEqual([]);
    expect(await next.queue.release(id)).toBe("changed");
    await next.quiet();
    expect(delivered).toMatchObject([{ id, attempt: 2 }]);
  });

  it("may be said twice", async () => {
    const { flow, id, delivered } = await waiting();
    expect(await flow.queue.release(id)).toBe("unchanged");
    expect(flow.queue.stats().deferred).toBe(1);
    expect(await flow.queue.hold(id, "why")).toBe("changed");
    expect(await flow.queue.hold(id, "why")).toBe("unchanged");
    expect(await flow.queue.release(id)).toBe("changed");
    await flow.quiet();
    expect(delivered.length).toBe(1);
  });

  it("a release is not lost in a crash", async () => {
    const { flow, id, plugin, state, delivered } = await waiting();
    await flow.queue.hold(id, "why");
    state.isUp = true;
    const stopped = flow.queue.stop();
    await stopped;
    await expect(flow.queue.release(id)).rejects.toThrow("the queue has ended");
    const next = await again(flow, [plugin], { starts: false });
    await next.queue.release(id);
    const last = await again(next, [plugin]);
    expect(delivered).toMatchObject([{ id }]);
    expect(last.queue.stats()).toMatchObject({ deferred: 0, held: 0 });
  });
});

describe("an action on a message that is being tried", () => {
  /** A delivery that hangs after its first recipient until it is told to go on. */
  function hanging() {
    const gates: (() => void)[] = [];
    const tries: string[][] = [];
    const plugin = delivering(async (delivery: Delivery) => {
      tries.push(delivery.recipients.map(({ address }) => address.localPart));
      await new Promise<void>((resolve) => gates.push(resolve));
      const [first, ...others] = delivery.recipients;
      if (first) await delivery.settle(first, outcomes.delivered);
      for (const other of others) await delivery.settle(other, outcomes.deferred);
    });
    return { gates, tries, plugin };
  }

  it.each([
    ["hold", (flow: MailFlow, id: string) => flow.queue.hold(id, "why")],
    ["remove", (flow: MailFlow, id: string) => flow.queue.remove(id)],
  ])("%s waits for the end of that try, and nothing is tried after it", async (_, act) => {
    const { gates, tries, plugin } = hanging();
    const flow = await flowOf([plugin]);
    const id = idOf(await sendText(flow, { opening: openingOf({ from: null }), to: ["a@x.example", "b@x.example"] }));
    await until(() => gates.length === 1);
    let isDone = false;
    const acted = act(flow, id).then((changed) => {
      isDone = true;
      return changed;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    gates[0]?.();
    expect(await acted).toBe("changed");
    flow.clock.advance(HOUR);
    await flow.quiet();
    expect(tries).toEqual([["a", "b"]]);
    const entry = await flow.spool.read(id);
    if (entry) expect(entry.state.outcomes).toMatchObject({ 1: { at: "delivered" }, 2: { at: "deferred" } });
    expect(flow.queue.stats()).toMatchObject({ active: 0, ready: 0, deferred: 0 });
  });

  it("finds nothing when that try was the last", async () => {
    const { gates, plugin } = hanging();
    const flow = await flowOf([plugin]);
    const id = idOf(await sendText(flow, { to: ["a@x.example"] }));
    await until(() => gates.length === 1);
    const acted = Promise.all([flow.queue.hold(id, "why"), flow.queue.bounce(id), flow.queue.release(id)]);
    gates[0]?.();
    expect(await acted).toEqual(["unknown", "unknown", "unknown"]);
    await flow.quiet();
  });

  it("does not wait for a destination that others keep busy", async () => {
    const { gates, tries, plugin } = hanging();
    const flow = await flowOf([plugin], { options: { maxPerDestination: 1 } });
    await sendText(flow, { to: ["first@x.example"] });
    const id = idOf(await sendText(flow, { to: ["second@x.example"] }));
    await until(() => gates.length === 1 && flow.queue.stats().active === 2);
    expect(await flow.queue.hold(id, "why")).toBe("changed");
    gates[0]?.();
    await flow.quiet();
    expect(tries).toEqual([["first"]]);
    void flow.queue.release(id);
    await until(() => gates.length === 2);
    gates[1]?.();
    await flow.quiet();
    expect(tries).toEqual([["first"], ["second"]]);
  });

  it("takes a message that waits in memory for its first try", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const held = sendText(flow, { to: ["a@x.example"] }).then((sent) => flow.queue.hold(idOf(sent), "why"));
    expect(await held).toBe("changed");
    await flow.quiet();
    expect(delivered).toEqual([]);
  });

  it("of many at once each is done, one after the other", async () => {
    const { flow, id, state, delivered } = await waiting();
    state.isUp = true;
    const done = await Promise.all([
      flow.queue.hold(id, "one"),
      flow.queue.release(id),
      flow.queue.hold(id, "two"),
      flow.queue.release(id),
      flow.queue.requeue(id),
    ]);
    expect(done.every((changed) => changed === "changed")).toBe(true);
    await flow.quiet();
    expect(delivered.length).toBe(1);
    expect(flow.queue.stats()).toMatchObject({ active: 0, ready: 0, deferred: 0 });
  });
});

describe("remove", () => {
  it("deletes it, and nobody hears of it, also when a crash comes first", async () => {
    const { flow, id, plugin, state, delivered } = await waiting(["a@example.net", "b@example.org"]);
    state.isUp = true;
    expect(await flow.queue.remove(id)).toBe("changed");
    expect(await flow.queue.remove(id)).toBe("unknown");
    const next = await again(flow, [plugin]);
    next.clock.advance(HOUR);
    await next.quiet();
    expect(delivered).toEqual([]);
    expect(await next.spool.read(id)).toBe(null);
  });

  it("is complete where a crash leaves the message there", async () => {
    const { state, plugin, delivered } = switched();
    const wrapSpool = spoolWith(() => ({ remove: () => new Promise(() => {}) }));
    const flow = await flowOf([plugin], { wrapSpool });
    const id = idOf(await sendText(flow, { to: ["a@example.net"] }));
    await flow.quiet();
    delivered.length = 0;
    await flow.queue.hold(id, "why");
    void flow.queue.remove(id);
    await until(() => flow.queue.stats().active === 1);
    await flow.spool.hold(id, null);
    state.isUp = true;
    const next = await again(flow, [plugin]);
    expect(delivered).toEqual([]);
    expect(await next.spool.read(id)).toBe(null);
  });
});

describe("bounce", () => {
  it("tells the sender who has not got it, and why", async () => {
    const { plugin, delivered } = recording((address) =>
      address.startsWith("slow") ? outcomes.deferred : outcomes.delivered,
    );
    const flow = await flowOf([plugin]);
    const id = idOf(await sendText(flow, { to: ["fast@example.net", "slow@example.net"] }));
    await flow.quiet();
    delivered.length = 0;
    expect(await flow.queue.bounce(id, "This is spam.\r\nReally")).toBe("changed");
    await flow.quiet();
    expect(delivered).toMatchObject([{ from: null, to: ["bob@example.net"] }]);
    expect(delivered[0]?.text).toContain("slow@example.net");
    expect(delivered[0]?.text).toContain("This is spam. Really");
    expect(delivered[0]?.text).not.toContain("fast@example.net");
    expect(await flow.spool.read(id)).toBe(null);
    expect(await flow.queue.bounce(id)).toBe("unknown");
  });

  it("gives a held message back", async () => {
    const { flow, id, state, delivered } = await waiting();
    await flow.queue.hold(id, "why");
    state.isUp = true;
    expect(await flow.queue.bounce(id)).toBe("changed");
    await flow.quiet();
    expect(delivered).toMatchObject([{ from: null, to: ["bob@example.com"] }]);
    expect(delivered[0]?.text).toContain("Returned by the administrator");
  });
});

describe("retry and flush", () => {
  it("try what waits for its time now, and say what they did not find", async () => {
    const { flow, id, delivered } = await waiting();
    const retried = await Promise.all([id, "nonsense", "../x"].map((one) => flow.queue.retry(one)));
    expect(retried).toEqual(["changed", "unknown", "unknown"]);
    await flow.quiet();
    expect(delivered).toMatchObject([{ id, attempt: 2 }]);
    expect(await flow.queue.flush()).toBe(1);
    await flow.quiet();
    expect(delivered.length).toBe(2);
  });

  it("are not lost in a crash", async () => {
    const { flow, id, plugin, delivered } = await waiting();
    const stopping = flow.queue.retry(id).then(() => flow.queue.stop());
    await stopping;
    const before = delivered.length;
    const next = await again(flow, [plugin]);
    expect(delivered.length).toBe(before + 1);
    expect(next.queue.stats().deferred).toBe(1);
  });

  it("reach what is left to the spool", async () => {
    const { plugin, delivered } = recording((address) =>
      address.startsWith("bob") ? outcomes.delivered : outcomes.deferred,
    );
    const flow = await flowOf([plugin], { options: { maxAtHand: 4 } });
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(idOf(await sendText(flow, { to: [`${n}@example.net`] })));
    await flow.quiet();
    expect(flow.queue.stats().deferred).toBeLessThanOrEqual(4);
    delivered.length = 0;
    expect(await flow.queue.flush()).toBe(20);
    await flow.quiet();
    expect(new Set(delivered.map(({ id }) => id))).toEqual(new Set(ids));
    expect(delivered.length).toBe(20);
  });
});

describe("requeue", () => {
  it("begins again: at once, released, with the first pause", async () => {
    const { flow, id, delivered } = await waiting();
    for (let n = 0; n < 5; n += 1) {
      await flow.queue.retry(id);
      await flow.quiet();
    }
    await flow.queue.hold(id, "why");
    delivered.length = 0;
    expect(await flow.queue.requeue(id)).toBe("changed");
    await flow.quiet();
    expect(delivered).toMatchObject([{ id, attempt: 1 }]);
    flow.clock.advance(5 * MINUTE);
    await flow.quiet();
    expect(delivered.length).toBe(2);
    expect(await flow.queue.requeue("nonsense")).toBe("unknown");
  });
});

describe("an action that the spool cannot do", () => {
  it("rejects, and leaves the message as it was", async () => {
    let isBroken = false;
    const { plugin, delivered } = recording(() => outcomes.deferred);
    const broken = (work: () => Promise<void>) => (isBroken ? Promise.reject(new Error("EIO")) : work());
    const wrapSpool = spoolWith((spool) => ({
      hold: (id, reason) => broken(() => spool.hold(id, reason)),
      settle: (...args) => broken(() => spool.settle(...args)),
    }));
    const flow = await flowOf([plugin], { wrapSpool });
    const id = idOf(await sendText(flow, { opening: openingOf({ from: null }), to: ["a@example.net"] }));
    await flow.quiet();
    isBroken = true;
    await expect(flow.queue.hold(id, "why")).rejects.toThrow("EIO");
    await expect(flow.queue.remove(id)).rejects.toThrow("EIO");
    await expect(flow.queue.bounce(id)).rejects.toThrow("EIO");
    await expect(flow.queue.retry(id)).rejects.toThrow("EIO");
    isBroken = false;
    expect(flow.queue.stats()).toMatchObject({ deferred: 1, active: 0, ready: 0 });
    flow.clock.advance(6 * MINUTE);
    await flow.quiet();
    expect(delivered.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });
});
