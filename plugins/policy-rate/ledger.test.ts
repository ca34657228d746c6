import type { KeyValue, KeyValueSpace } from "postern/plugin";
import { manualClock, temporaryKeyValue } from "postern/testing";
import { afterEach, expect, it } from "vitest";
import { Ledger } from "./ledger.ts";
import { ruleOf } from "./rules.ts";

const clock = manualClock(Date.UTC(2026, 0, 1));
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function ledgers(count: number): Promise<readonly Ledger[]> {
  const kv = await temporaryKeyValue({ clock });
  cleanUps.push(() => kv.close());
  const fail = (cause: unknown) => {
    throw cause;
  };
  return Array.from({ length: count }, () => new Ledger(kv.service[1] as KeyValue, "rate", clock, fail));
}

const rule = (limit: number) =>
  ruleOf(
    {
      ...{ count: "messages", per: "address", limit, within: 60_000, authenticated: true },
      ...{ ipv4Prefix: 24, ipv6Prefix: 64, exempt: [], text: "" },
    },
    0,
  );
const message = (limit: number) => [{ rule: rule(limit), subject: "192.0.2.1", amount: 1 }];

it("far from a limit events are written together, and none gets lost at the end", async () => {
  const [one, other] = await ledgers(2);
  for (let count = 0; count < 50; count += 1) expect(await one?.count(message(6_400))).toBeNull();
  await one?.close();
  // With a limit that has been reached, the other worker sees all of them.
  expect(await other?.count(message(50))).toMatchObject({ counted: 51 });
});

it("near a limit every event counts at once, for all workers", async () => {
  const workers = await ledgers(2);
  let taken = 0;
  const refused: number[] = [];
  for (let event = 0; refused.length < 2; event += 1) {
    const excess = await workers[event % 2]?.count(message(1_000));
    if (excess) refused.push(event);
    else taken += 1;
  }
  // Neither worker holds anything back beyond half of the limit.
  expect(taken).toBe(1_000);
});

it("a small limit is exact from the first event on", async () => {
  const workers = await ledgers(2);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, event) => workers[event % 2]?.count(message(5))));
  expect(answers.filter((excess) => excess === null)).toHaveLength(5);
});

it("what a worker knew of a subject it still knows when the store cannot be written", async () => {
  const kv = await temporaryKeyValue({ clock });
  cleanUps.push(() => kv.close());
  const real = kv.service[1] as KeyValue;
  let isFull = false;
  const filling: KeyValue = {
    lease: (...asked) => real.lease(...asked),
    space<V>(name: string): KeyValueSpace<V> {
      const space = real.space<V>(name);
      return {
        ...space,
        update: (...asked) => (isFull ? Promise.reject(new Error("full")) : space.update(...asked)),
      };
    },
  };
  const lost: unknown[] = [];
  const ledger = new Ledger(filling, "rate", clock, (cause) => lost.push(cause));
  const add = (amount: number) => ledger.count([{ rule: rule(6_400), subject: "192.0.2.1", amount }]);
  for (let event = 0; event < 31; event += 1) expect(await add(101)).toBeNull();
  // 3,131 of 6,400; fifty more are held back, and with the next fifty half of the limit is passed.
  expect(await add(50)).toBeNull();
  isFull = true;
  await expect(add(50)).rejects.toThrow("full");
  await expect((async () => add(50))()).rejects.toThrow("full");
  isFull = false;
  expect(await add(50)).toBeNull();
  await ledger.close();
  expect(lost).toEqual([]);
});
