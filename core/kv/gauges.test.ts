import { expect, it } from "vitest";
import { createGauges } from "./gauges.ts";
import type { Owners } from "./owners.ts";
import type { KeyValueEnvironment } from "./tables.ts";
import { createWorkQueue } from "./work-queue.ts";

/** An environment whose gauges live in memory, and cannot be written while `isFailing`. */
function fixture() {
  const kept = new Map<string, Buffer>();
  const disk = { isFailing: false };
  const gauges = {
    get: (key: Buffer) => kept.get(key.toString("latin1")),
    put: (key: Buffer, value: Buffer) => {
      if (disk.isFailing) throw new Error("no space left on device");
      kept.set(key.toString("latin1"), value);
    },
    remove: (key: Buffer) => {
      if (disk.isFailing) throw new Error("no space left on device");
      kept.delete(key.toString("latin1"));
    },
  };
  const environment = { gauges, transact: (work: () => void) => work() } as unknown as KeyValueEnvironment;
  const queue = createWorkQueue({
    environment: () => environment,
    opened: async () => environment,
    afterJobs: () => undefined,
    onFailure: () => undefined,
  });
  const owners: Owners = {
    ownId: "me",
    register: () => undefined,
    leave: () => undefined,
    isGone: () => false,
    gone: () => [],
    forget: () => undefined,
    isAlone: () => true,
  };
  return { disk, kept, gauges: createGauges(queue, owners) };
}

it("a lease that could not be written holds no place", async () => {
  const { disk, gauges } = fixture();
  disk.isFailing = true;
  const asked = await Promise.allSettled([gauges.lease("g", 3), gauges.lease("g", 3), gauges.lease("g", 3)]);
  expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  disk.isFailing = false;
  expect((await gauges.lease("g", 1))?.held).toBe(1);
});

it("a release that could not be written is written later", async () => {
  const { disk, kept, gauges } = fixture();
  const lease = await gauges.lease("g", 1);
  disk.isFailing = true;
  lease?.release();
  await expect(gauges.lease("other", 1)).rejects.toThrow("cannot answer now");
  disk.isFailing = false;
  gauges.repair();
  await gauges.lease("other", 1);
  expect([...kept.values()].map(String)).toEqual(['{"me":1}']);
});
