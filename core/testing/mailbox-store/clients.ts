/**
 * Clients that keep a copy of a mailbox by UID and modseq, as QRESYNC has them, and come back to whatever process: each time what
 * `changesSince` says must make their copy what the mailbox is.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Mailbox } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { entryOf, flagsOf, type MakeStore, message, testAccount, uidsOf } from "./rig.ts";

const FLAGS = ["\\Seen", "\\Flagged", "Word"] as const;

/** What a client keeps of a mailbox. */
export interface Copy {
  modseq: number;
  readonly flags: Map<number, string>;
}

type Step =
  | { readonly do: "append"; readonly by: number }
  | { readonly do: "deliver"; readonly by: number }
  | { readonly do: "reopen"; readonly by: number }
  | {
      readonly do: "flag";
      readonly by: number;
      readonly pick: number;
      readonly flag: number;
      readonly isAdded: boolean;
    }
  | { readonly do: "expunge"; readonly by: number; readonly pick: number }
  | { readonly do: "visit"; readonly by: number; readonly client: number };

const by = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("append" as const), by }),
  fc.record({ do: fc.constant("deliver" as const), by }),
  fc.record({ do: fc.constant("reopen" as const), by }),
  fc.record({ do: fc.constant("flag" as const), by, pick: fc.nat(20), flag: fc.nat(2), isAdded: fc.boolean() }),
  fc.record({ do: fc.constant("expunge" as const), by, pick: fc.nat(20) }),
  fc.record({ do: fc.constant("visit" as const), by, client: fc.nat(2) }),
);

/** What a client does with RFC 7162's answers: the mailbox as it is, from the copy that it had. */
export async function visit(mailbox: Mailbox, copy: Copy): Promise<void> {
  const snapshot = await mailbox.sync();
  const { changed, vanished, highestModseq } = await mailbox.changesSince(copy.modseq);
  expect(highestModseq).toBe(snapshot.highestModseq);
  for (const { first, last } of vanished) for (let uid = first; uid <= last; uid++) copy.flags.delete(uid);
  for (const uid of changed) copy.flags.set(uid, flagsOf(snapshot, uid).join());
  copy.modseq = Math.max(copy.modseq, highestModseq);
  const wanted = uidsOf(snapshot).map((uid) => [uid, flagsOf(snapshot, uid).join()]);
  expect([...copy.flags].sort(([a], [b]) => a - b)).toEqual(wanted);
  for (const uid of uidsOf(snapshot)) expect(entryOf(snapshot, uid).modseq).toBeLessThanOrEqual(highestModseq);
}

export const clientTests = (makeStore: MakeStore): void =>
  area("clients that come back", makeStore, (use) => {
    it("know the mailbox by what changed since they were there, whatever process they come to", async () => {
      const { underTest } = use();
      const second = await underTest.again();
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
          const account = testAccount(underTest.home);
          const mails = [
            await underTest.store.of(account),
            await underTest.store.of(account),
            await second.of(account),
          ];
          const handles = await Promise.all(mails.map((mail) => mail.open("INBOX")));
          // A store whose processes do not agree is visited by way of one of them.
          const visited = (at: number) => (underTest.sharesModseqs === false ? at % 2 : at);
          const copies: Copy[] = [0, 1, 2].map(() => ({ modseq: 0, flags: new Map() }));
          const at = <T>(list: readonly T[], index: number): T => {
            const found = list[index];
            if (found === undefined) throw new Error("none there");
            return found;
          };
          for (const one of steps) {
            const mailbox = at(handles, one.by);
            if (one.do === "append") await at(mails, one.by).append("INBOX", [message("m")]);
            else if (one.do === "deliver") await at(mails, one.by).deliver("INBOX", message("d"));
            else if (one.do === "visit") await visit(at(handles, visited(one.by)), at(copies, one.client));
            else if (one.do === "reopen") {
              await mailbox.close();
              handles[one.by] = await at(mails, one.by).open("INBOX");
            } else {
              const snapshot = await mailbox.sync();
              if (snapshot.size === 0) continue;
              const { uid } = snapshot.at(one.pick % snapshot.size);
              if (one.do === "flag") {
                await mailbox.store([uid], {
                  mode: one.isAdded ? "add" : "remove",
                  flags: [FLAGS[one.flag] ?? "Word"],
                });
              } else {
                await mailbox.store([uid], { mode: "add", flags: ["\\Deleted"] });
                await mailbox.expunge([uid]);
              }
            }
          }
          for (const copy of copies) for (const index of [0, 1, 2]) await visit(at(handles, visited(index)), copy);
          for (const handle of handles) await handle.close();
        }),
        { numRuns: 60 },
      );
    }, 120_000);
  });
