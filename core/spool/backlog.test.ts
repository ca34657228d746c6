/** A backlog of more messages than there are objects for: what is forgotten is found again, and what must not be forgotten is not. */
import { describe, expect, it } from "vitest";
import { delivered, envelopeOf, freshDirectory, openIn, recoveredIds, textFor } from "../testing/spool-fixture.ts";
import { DeferredFiles } from "./deferred-files.ts";
import { realFiles } from "./files.ts";
import { IdTable } from "./id-table.ts";
import { layoutOf } from "./layout.ts";
import { Ledger } from "./ledger.ts";
import { prepareRecord } from "./record.ts";

const count = 10_000;
const idOf = (index: number) => `m${String(index).padStart(6, "0")}`;

/** Files of messages that are all due; not flushed, there is no crash here. */
async function backlogIn(dir: string): Promise<void> {
  await (await openIn(dir)).close();
  const deferred = new DeferredFiles({ ...realFiles, flush: async () => {} }, layoutOf(dir), new IdTable());
  const make = async (index: number) => {
    const id = idOf(index);
    const meta = { id, envelope: envelopeOf(id), headerBytes: 0, bodyFile: null };
    await deferred.create({ dueAt: 1000 + index, id }, [prepareRecord("accept", meta, [Buffer.from(textFor(id))])]);
  };
  for (let from = 0; from < count; from += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => make(from + index)));
  }
}

describe("a backlog", () => {
  it("is told in order, read, put off and settled, whatever has been forgotten in between", async () => {
    const dir = await freshDirectory();
    await backlogIn(dir);
    const spool = await openIn(dir);
    const ids = Array.from({ length: count }, (_, index) => idOf(index));
    expect(await recoveredIds(spool, 1_000_000)).toEqual(ids);
    await spool.settle(idOf(0), 1, delivered);
    for (let from = 0; from < count; from += 50) {
      await Promise.all(
        ids.slice(from, from + 50).map(async (id, index) => {
          await spool.read(id);
          const dueAt = 5_000_000_000 + from + index;
          await spool.reschedule(id, { attempts: 7, dueAt, lastReply: null, warnedAt: null });
        }),
      );
    }
    expect(await recoveredIds(spool, 1_000_000)).toEqual([]);
    expect(await recoveredIds(spool)).toEqual(ids);
    // Asked for first, so forgotten first: but for what only the journal has.
    expect((await spool.read(idOf(0)))?.state).toMatchObject({ attempts: 7, outcomes: { 1: delivered } });
    expect((await spool.read(idOf(1)))?.state).toMatchObject({ attempts: 7, dueAt: 5_000_000_001 });
    let listed = 0;
    for await (const some of spool.list()) listed += some.filter(({ attempts }) => attempts === 7).length;
    expect(listed).toBe(count);
    await spool.remove(idOf(2));
    expect(await spool.read(idOf(2))).toBe(null);
    await spool.close();
    const again = await openIn(dir);
    expect((await again.read(idOf(0)))?.state).toMatchObject({ attempts: 7, outcomes: { 1: delivered } });
    expect(await recoveredIds(again)).toEqual(ids.filter((id) => id !== idOf(2)));
  }, 300_000);

  it("costs a bounded number of objects, and what is not saved keeps its own", () => {
    const forgotten: string[] = [];
    const ledger = new Ledger((id) => forgotten.push(id));
    for (let index = 0; index < count * 3; index += 1) ledger.filed.set(idOf(index), index);
    const first = ledger.meet(idOf(0));
    first?.settle(1, delivered);
    for (let index = 1; index < count * 3; index += 1) ledger.meet(idOf(index));
    expect(ledger.entries.size).toBeLessThan(count);
    expect(forgotten).toHaveLength(count * 3 - ledger.entries.size);
    expect(ledger.meet(idOf(0))).toBe(first);
    expect(ledger.meet(idOf(1))?.dueAt).toBe(1);
    expect(ledger.meet("nobody")).toBe(null);
  });
});
