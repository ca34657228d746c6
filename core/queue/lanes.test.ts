import { describe, expect, it } from "vitest";
import type { RemoteReply } from "../contracts/delivery.ts";
import { keptLog, type LogLine } from "../testing/kernel.ts";
import { until } from "../testing/mail-flow.ts";
import { type ManualClock, manualClock } from "../testing/manual-clock.ts";
import type { DestinationLimits } from "./destination-limits.ts";
import type { Turn } from "./lane.ts";
import { Lanes, type LanesRoom } from "./lanes.ts";
import { type Feedback, silent, works } from "./standing.ts";
import { Ticket } from "./ticket.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const reply: RemoteReply = { code: 421, status: "4.4.1", text: "nobody there", host: null };
const fails: Feedback = { at: "fails", reply };

interface Bench {
  readonly lanes: Lanes;
  readonly clock: ManualClock;
  readonly lines: readonly LogLine[];
  readonly unparked: Ticket[];
  /** Deliveries under way, as `key sender`. */
  readonly running: { readonly name: string; end(feedback?: Feedback): void }[];
  /** Begins one that runs until it is ended. */
  run(key: string, more?: Partial<{ sender: string; recipients: number; limits: DestinationLimits }>): Promise<Turn>;
  /** Ends the one that began first. */
  end(feedback?: Feedback): Promise<void>;
}

function benchOf(more: Partial<LanesRoom> = {}): Bench {
  const clock = manualClock();
  const { log, lines } = keptLog();
  const unparked: Ticket[] = [];
  const lanes = new Lanes({
    ...{ clock, alarm: clock.alarm, log, inAll: 1_000, waitingPerKey: 1_000, parkedFreely: 0, parkedPerKey: 10 },
    putOff: { leastMs: 30_000, mostMs: HOUR },
    standing: { deadAfter: 3, schedule: { firstRetryMs: 5 * MINUTE, maxRetryMs: HOUR }, random: () => 0.5 },
    unpark: (ticket) => unparked.push(ticket),
    ...more,
  });
  const running: { name: string; end(feedback?: Feedback): void }[] = [];
  return {
    ...{ lanes, clock, lines, unparked, running },
    run: (key, { sender = "a", recipients = 1, limits } = {}) =>
      lanes.run(
        {
          ...{ key, sender, priority: "normal", recipients, onWait: () => {} },
          limits: () => limits ?? { startConcurrency: 5, maxConcurrency: 20 },
        },
        () =>
          new Promise<Feedback>((resolve) => {
            const one = {
              name: `${key} ${sender}`,
              end(feedback = works) {
                running.splice(running.indexOf(one), 1);
                resolve(feedback);
              },
            };
            running.push(one);
          }),
      ),
    async end(feedback) {
      running[0]?.end(feedback);
      await turn();
    },
  };
}

describe("lanes", () => {
  it("give keys turns: one key's hundred do not hold up another's one", async () => {
    const bench = benchOf({ inAll: 2 });
    for (let n = 0; n < 100; n += 1) void bench.run("many", { sender: `${n}` });
    void bench.run("one");
    await turn();
    for (let n = 0; n < 3; n += 1) await bench.end();
    expect(bench.running.map(({ name }) => name)).toContain("one a");
  });

  it("give senders turns within a key", async () => {
    const bench = benchOf();
    const limits = { startConcurrency: 1, maxConcurrency: 1 };
    for (let n = 0; n < 100; n += 1) void bench.run("host", { limits });
    void bench.run("host", { sender: "b", limits });
    await turn();
    const order: string[] = [];
    while (bench.running.length > 0) {
      order.push(bench.running[0]?.name ?? "");
      await bench.end();
    }
    expect(order.length).toBe(101);
    expect(order.indexOf("host b")).toBeLessThanOrEqual(2);
  });

  it("keep a quarter of all places for those who have none", async () => {
    const bench = benchOf({ inAll: 8 });
    for (let n = 0; n < 100; n += 1) void bench.run(`host${n}`);
    await turn();
    expect(bench.running.length).toBe(6);
    void bench.run("other", { sender: "b" });
    await turn();
    expect(bench.running.at(-1)?.name).toBe("other b");
  });

  it("go on when work throws", async () => {
    const { lanes } = benchOf({ inAll: 1 });
    const request = { key: "a", sender: "a", priority: "normal", recipients: 1, onWait: () => {} } as const;
    const limits = () => ({ startConcurrency: 1, maxConcurrency: 1 });
    const failing = lanes.run({ ...request, limits }, () => Promise.reject(new Error("no")));
    const second = lanes.run({ ...request, limits }, async () => works);
    await expect(failing).rejects.toThrow("no");
    expect(await second).toBe("go");
    expect(lanes.active).toBe(0);
  });

  it("stopped, tell who waits that their turn never comes", async () => {
    const bench = benchOf({ inAll: 1 });
    const running = bench.run("a");
    const waiting = bench.run("b");
    await turn();
    bench.lanes.stop();
    await bench.end();
    expect([await running, await waiting, await bench.run("c")]).toEqual(["go", "cut", "cut"]);
  });

  it("let go of who gives up waiting, and only of that", async () => {
    const bench = benchOf();
    const limits = () => ({ startConcurrency: 1, maxConcurrency: 1 });
    const ends: (() => void)[] = [];
    const run = (sender: string, work: () => Promise<Feedback>) =>
      bench.lanes.run(
        { key: "a", sender, priority: "normal", recipients: 1, limits, onWait: (end) => ends.push(end) },
        work,
      );
    let release = () => {};
    const first = run("a", () => new Promise((resolve) => (release = () => resolve(works))));
    const second = run("b", () => Promise.reject(new Error("it was cut")));
    const third = run("c", async () => works);
    ends[0]?.();
    expect(await second).toBe("cut");
    release();
    expect([await first, await third]).toEqual(["go", "go"]);
    ends[0]?.();
    ends[1]?.();
    expect(bench.lanes.active).toBe(0);
  });
});

describe("the width of a lane", () => {
  const widthOf = async (bench: Bench) => {
    for (let n = 0; n < 50; n += 1) void bench.run("host", { sender: `${n}` });
    await turn();
    return bench.running.length;
  };

  it("starts low and grows with success, as far as it may", async () => {
    const bench = benchOf();
    expect(await widthOf(bench)).toBe(5);
    const seen: number[] = [];
    for (let n = 0; n < 400; n += 1) {
      void bench.run("host", { sender: `more ${n}` });
      await bench.end();
      seen.push(bench.running.length);
    }
    expect(seen).toEqual(seen.toSorted((one, other) => one - other));
    expect(seen.slice(0, 10)).toContain(6);
    expect(seen.at(-1)).toBe(20);
  });

  it("is halved by failures that speak of the destination, once for all that were under way", async () => {
    const bench = benchOf();
    expect(await widthOf(bench)).toBe(5);
    await bench.end(fails);
    await bench.end(fails);
    expect(bench.running.length).toBe(3);
    await bench.end(works);
    expect(bench.running.length).toBe(2);
    for (let n = 0; n < 2; n += 1) await bench.end(works);
    expect(bench.running.length).toBe(3);
  });

  it("is left as it is by faults elsewhere", async () => {
    const bench = benchOf();
    await widthOf(bench);
    for (let n = 0; n < 10; n += 1) await bench.end(silent);
    expect(bench.running.length).toBe(5);
  });

  it("where some got through is halved, and the destination does not die", async () => {
    const bench = benchOf();
    await widthOf(bench);
    for (let n = 0; n < 20; n += 1) await bench.end({ at: "falters", reply });
    expect(bench.running.length).toBe(1);
    expect(bench.lanes.state("host", { sender: "a", priority: "normal" }).at).toBe("open");
  });
});

describe("a destination that fails wholly", () => {
  const who = { sender: "a", priority: "normal" } as const;

  async function deadBench(): Promise<Bench> {
    const bench = benchOf();
    const runs = Array.from({ length: 30 }, (_, n) => bench.run("host", { sender: `${n}` }));
    await turn();
    for (let n = 0; n < 3; n += 1) await bench.end(fails);
    for (const one of bench.running.slice()) one.end(fails);
    const turns = await Promise.all(runs);
    expect(turns.filter((one) => one === "go").length).toBe(5);
    expect(turns.filter((one) => one === "dead").length).toBe(25);
    return bench;
  }

  it("is dead after so many, turns everybody away, and the log says so once", async () => {
    const bench = await deadBench();
    expect(bench.lanes.state("host", who)).toMatchObject({ at: "dead", reply });
    expect(await bench.run("host")).toBe("dead");
    expect(bench.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { destination: "host", reply: "421 4.4.1 nobody there", retryInS: 300 } },
    ]);
  });

  it("is probed by one delivery alone, and longer dead when that fails, too", async () => {
    const bench = await deadBench();
    bench.clock.advance(5 * MINUTE);
    const runs = Array.from({ length: 10 }, (_, n) => bench.run("host", { sender: `${n}` }));
    await turn();
    expect(bench.running.length).toBe(1);
    await bench.end(fails);
    expect((await Promise.all(runs)).toSorted()).toEqual([...Array(9).fill("dead"), "go"]);
    bench.clock.advance(9 * MINUTE);
    expect(bench.lanes.state("host", who).at).toBe("dead");
    bench.clock.advance(MINUTE);
    expect(bench.lanes.state("host", who).at).toBe("open");
  });

  it("takes as much as in the beginning once a probe got through", async () => {
    const bench = await deadBench();
    bench.clock.advance(5 * MINUTE);
    for (let n = 0; n < 10; n += 1) void bench.run("host", { sender: `${n}` });
    await turn();
    expect(bench.running.length).toBe(1);
    await bench.end(works);
    expect(bench.running.length).toBe(5);
    expect(bench.lines.at(-1)).toMatchObject({ level: "info", text: "destination takes mail again" });
  });

  it("goes on being probed while a probe says nothing of it", async () => {
    const bench = await deadBench();
    bench.clock.advance(5 * MINUTE);
    for (let n = 0; n < 10; n += 1) void bench.run("host", { sender: `${n}` });
    await turn();
    await bench.end(silent);
    expect(bench.running.length).toBe(1);
  });

  it("is probed at once when somebody asks for that", async () => {
    const bench = await deadBench();
    bench.lanes.lift();
    void bench.run("host");
    void bench.run("host");
    await turn();
    expect(bench.running.length).toBe(1);
  });

  it("is forgotten an hour after nobody has asked for it any more", async () => {
    const bench = await deadBench();
    expect(bench.lanes.known).toBe(1);
    bench.clock.advance(2 * HOUR);
    const limits = { startConcurrency: 1, maxConcurrency: 1 };
    void bench.run("limited", { limits: { ...limits, messages: { count: 1, periodMs: HOUR } } });
    await turn();
    await bench.end();
    expect(bench.lanes.known).toBe(1);
  });

  it("is one of ten thousand at the most that are remembered", async () => {
    const bench = benchOf({
      standing: { deadAfter: 1, schedule: { firstRetryMs: 1, maxRetryMs: 1 }, random: () => 0 },
    });
    for (let n = 0; n < 10_500; n += 1) {
      void bench.run(`host${n}`);
      for (const one of bench.running.slice()) one.end(fails);
      if (n % 500 === 0) await turn();
    }
    await until(() => bench.lanes.active === 0);
    expect(bench.lanes.known).toBeLessThanOrEqual(10_000);
  });
});

describe("rates", () => {
  const limited = (more: Partial<DestinationLimits>) => ({ startConcurrency: 100, maxConcurrency: 100, ...more });

  /** How many have begun after each step. */
  async function begunOver(bench: Bench, steps: number, stepMs: number): Promise<readonly number[]> {
    const begun: number[] = [];
    await turn();
    begun.push(bench.running.length);
    for (let n = 0; n < steps; n += 1) {
      bench.clock.advance(stepMs);
      await turn();
      begun.push(bench.running.length);
    }
    return begun;
  }

  it("let so many messages a period go, evenly", async () => {
    const bench = benchOf();
    const limits = limited({ messages: { count: 6, periodMs: MINUTE } });
    for (let n = 0; n < 10; n += 1) void bench.run("host", { limits });
    expect(await begunOver(bench, 6, 10_000)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await begunOver(bench, 1, HOUR)).toEqual([7, 10]);
  });

  it("count recipients: who brings many makes the next wait longer", async () => {
    const bench = benchOf();
    const limits = limited({ recipients: { count: 60, periodMs: MINUTE } });
    void bench.run("host", { limits, recipients: 30 });
    void bench.run("host", { limits });
    expect(await begunOver(bench, 3, 10_000)).toEqual([1, 1, 1, 2]);
  });

  it("are still counted when nobody has used the lane for a while", async () => {
    const bench = benchOf();
    const limits = limited({ messages: { count: 1, periodMs: MINUTE } });
    void bench.run("host", { limits });
    await turn();
    await bench.end();
    void bench.run("host", { limits });
    expect(await begunOver(bench, 1, MINUTE)).toEqual([0, 1]);
  });

  it("hold up no other destination", async () => {
    const bench = benchOf();
    const limits = limited({ messages: { count: 1, periodMs: HOUR } });
    for (let n = 0; n < 10; n += 1) void bench.run("host", { limits });
    void bench.run("other");
    await turn();
    expect(bench.running.map(({ name }) => name)).toEqual(["host a", "other a"]);
  });
});

describe("what finds no room in a lane", () => {
  it("is parked, then put off by the pace of the lane; who has little there is not", async () => {
    const bench = benchOf({ waitingPerKey: 4 });
    const limits = { startConcurrency: 1, maxConcurrency: 1 };
    for (let n = 0; n < 12; n += 1) void bench.run("host", { limits });
    await turn();
    const who = { sender: "a", priority: "normal" } as const;
    expect(bench.lanes.state("host", who).at).toBe("full");
    const tickets = Array.from({ length: 30 }, (_, n) => new Ticket(`${n}`));
    const slots = tickets.map((ticket) => bench.lanes.park("host", ticket));
    const put = slots.filter((slot) => slot !== null);
    expect(put.length).toBeGreaterThanOrEqual(10);
    expect(bench.lanes.parked).toBe(30 - put.length);
    for (const slot of put) expect(slot - bench.clock.now()).toBeGreaterThanOrEqual(30_000);
    while (bench.running.length > 0) await bench.end();
    expect(bench.unparked.length).toBe(30 - put.length);
    expect(bench.lanes.parked).toBe(0);
  });

  it("is parked in a burst however large, until all keys together have parked too many", async () => {
    const bench = benchOf({ waitingPerKey: 4, parkedFreely: 20, parkedPerKey: 2 });
    for (const key of ["one", "other"]) for (let n = 0; n < 60; n += 1) void bench.run(key);
    await turn();
    const park = (key: string, count: number) =>
      Array.from({ length: count }, (_, n) => bench.lanes.park(key, new Ticket(`${key} ${n}`))).filter(
        (slot) => slot !== null,
      ).length;
    expect(park("one", 20)).toBe(0);
    expect(park("one", 5)).toBe(5);
    expect(park("other", 5)).toBe(3);
  });

  it("comes again as the lane can take it", async () => {
    const bench = benchOf({ waitingPerKey: 4, parkedPerKey: 1 });
    const limits = { startConcurrency: 1, maxConcurrency: 1 };
    for (let n = 0; n < 60; n += 1) void bench.run("host", { limits });
    await turn();
    for (let n = 0; n < 50; n += 1) {
      bench.clock.advance(10_000);
      await bench.end();
    }
    const slots = Array.from({ length: 20 }, (_, n) => bench.lanes.park("host", new Ticket(`${n}`))).filter(
      (slot) => slot !== null,
    );
    const steps = slots.slice(1).map((slot, at) => slot - (slots[at] ?? 0));
    for (const step of steps) expect(Math.abs(step - 10_000)).toBeLessThan(500);
    expect((slots[0] ?? 0) - bench.clock.now()).toBeGreaterThanOrEqual(90_000);
  });
});
