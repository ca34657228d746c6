/**
 * A random walk of several handles of two processes over two mailboxes, compared with a model that is a few maps. Whatever the order, no message
 * is lost or double, UIDs never change their meaning, and all handles agree after a sync.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AccountMailboxes, Mailbox } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { flagsOf, type MakeStore, message, subjectOf, testAccount, uidsOf } from "./rig.ts";

const BOXES = ["INBOX", "Other"] as const;
const FLAGS = ["\\Seen", "\\Flagged", "\\Deleted", "Key"] as const;

type Step =
  | { readonly do: "append" | "deliver"; readonly box: number; readonly by: number; readonly flag: number }
  | {
      readonly do: "flag";
      readonly box: number;
      readonly by: number;
      readonly pick: number;
      readonly flag: number;
      readonly isAdded: boolean;
    }
  | { readonly do: "expunge" | "sync" | "reopen"; readonly box: number; readonly by: number }
  | { readonly do: "copy" | "move"; readonly box: number; readonly by: number; readonly pick: number };

const where = { box: fc.nat(1), by: fc.nat(2) };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("append" as const, "deliver" as const), ...where, flag: fc.nat(3) }),
  fc.record({ do: fc.constant("flag" as const), ...where, pick: fc.nat(20), flag: fc.nat(3), isAdded: fc.boolean() }),
  fc.record({ do: fc.constantFrom("expunge" as const, "sync" as const, "reopen" as const), ...where }),
  fc.record({ do: fc.constantFrom("copy" as const, "move" as const), ...where, pick: fc.nat(20) }),
);

/** Subject and flags of each message, by mailbox. A subject may be there more than once (copies). */
type Model = { subject: string; flags: Set<string> }[][];

class Walk {
  readonly model: Model = [[], []];
  readonly mails: readonly AccountMailboxes[];
  readonly handles: Mailbox[][] = [];
  /** What each UID has ever stood for, by mailbox. */
  readonly meaning = [new Map<number, string>(), new Map<number, string>()];
  made = 0;

  constructor(mails: readonly AccountMailboxes[]) {
    this.mails = mails;
  }

  async open(): Promise<void> {
    for (const mail of this.mails) this.handles.push(await Promise.all(BOXES.map((name) => mail.open(name))));
  }

  handle(by: number, box: number): Mailbox {
    const handle = this.handles[by]?.[box];
    if (!handle) throw new Error("no handle");
    return handle;
  }

  async take(one: Step): Promise<void> {
    const mail = this.mails[one.by];
    const own = this.model[one.box];
    const name = BOXES[one.box];
    if (!mail || !own || !name) throw new Error("no mailbox");
    const handle = this.handle(one.by, one.box);
    const snapshot = await handle.sync();
    switch (one.do) {
      case "append":
      case "deliver": {
        const subject = `m${++this.made}`;
        const flags = one.flag === 3 ? [] : [FLAGS[one.flag] ?? "\\Seen"];
        if (one.do === "append") await mail.append(name, [message(subject, { flags })]);
        else await mail.deliver(name, message(subject, { flags }));
        own.push({ subject, flags: new Set(flags) });
        return;
      }
      case "sync":
        return;
      case "reopen": {
        await handle.close();
        const handles = this.handles[one.by];
        if (handles) handles[one.box] = await mail.open(name);
        return;
      }
      case "expunge":
        await handle.expunge(null);
        this.model[one.box] = own.filter(({ flags }) => !flags.has("\\Deleted"));
        return;
      default: {
        if (snapshot.size === 0) return;
        const { uid } = snapshot.at(one.pick % snapshot.size);
        const subject = await subjectOf(handle, uid);
        const before = flagsOf(snapshot, uid).join();
        const index = own.findIndex((entry) => entry.subject === subject && [...entry.flags].sort().join() === before);
        const modelled = own[index];
        if (!modelled) throw new Error(`the model has no ${subject} with ${before}`);
        if (one.do === "flag") {
          const flag = FLAGS[one.flag] ?? "\\Seen";
          await handle.store([uid], { mode: one.isAdded ? "add" : "remove", flags: [flag] });
          if (one.isAdded) modelled.flags.add(flag);
          else modelled.flags.delete(flag);
          return;
        }
        const target = BOXES[1 - one.box] ?? "INBOX";
        if (one.do === "copy") await handle.copy([uid], target);
        else await handle.move([uid], target);
        this.model[1 - one.box]?.push({ subject, flags: new Set(modelled.flags) });
        if (one.do === "move") own.splice(index, 1);
      }
    }
  }

  async compare(): Promise<void> {
    for (const [box, expected] of this.model.entries()) {
      const wanted = expected.map(({ subject, flags }) => `${subject} ${[...flags].sort().join()}`).sort();
      const seen: string[] = [];
      for (const [by] of this.mails.entries()) {
        const handle = this.handle(by, box);
        const snapshot = await handle.sync();
        const found: string[] = [];
        for (const uid of uidsOf(snapshot)) {
          const subject = await subjectOf(handle, uid);
          expect(this.meaning[box]?.get(uid) ?? subject).toBe(subject);
          this.meaning[box]?.set(uid, subject);
          found.push(`${subject} ${flagsOf(snapshot, uid).join()}`);
        }
        seen.push(uidsOf(snapshot).join());
        expect(found.sort()).toEqual(wanted);
      }
      expect(new Set(seen).size).toBe(1);
    }
  }

  async close(): Promise<void> {
    for (const handles of this.handles) for (const handle of handles) await handle.close();
  }
}

export const modelTests = (makeStore: MakeStore): void =>
  area("model", makeStore, (use) => {
    it("agrees with a simple model whatever several handles do", async () => {
      const { underTest } = use();
      const second = await underTest.again();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
          const account = testAccount(underTest.home);
          const ours = await underTest.store.of(account);
          await ours.create("Other");
          const walk = new Walk([ours, await underTest.store.of(account), await second.of(account)]);
          await walk.open();
          for (const one of steps) await walk.take(one);
          await walk.compare();
          await walk.close();
        }),
        { numRuns: 60 },
      );
    }, 120_000);
  });
