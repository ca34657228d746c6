import { expect, it } from "vitest";
import type { Mailbox, MailboxChanges } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { entryOf, type MakeStore, message, uidsOf } from "./rig.ts";

const several = (count: number) => Array.from({ length: count }, (_, index) => message(`m${index}`));
const vanishedIn = ({ vanished }: MailboxChanges): readonly number[] =>
  vanished.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at));
const expunge = async (mailbox: Mailbox, ...uids: readonly number[]) => {
  await mailbox.store(uids, { mode: "add", flags: ["\\Deleted"] });
  await mailbox.expunge(uids);
};

export const changeFeedTests = (makeStore: MakeStore): void =>
  area("change feed", makeStore, (use) => {
    it("answers everything for 0 and nothing for the present", async () => {
      const { mail } = use();
      await mail.append("INBOX", several(3));
      const inbox = await mail.open("INBOX");
      const { highestModseq } = inbox.snapshot;
      expect(await inbox.changesSince(0)).toMatchObject({ changed: [1, 2, 3], vanished: [], highestModseq });
      expect(await inbox.changesSince(highestModseq)).toEqual({
        ...{ changed: [], vanished: [], isExact: true, highestModseq },
      });
      expect((await inbox.changesSince(highestModseq + 1_000)).changed).toEqual([]);
      await inbox.close();
    });

    it("tells what came, what changed and what vanished, since each of several moments", async () => {
      const { mail } = use();
      await mail.append("INBOX", several(6));
      const inbox = await mail.open("INBOX");
      const first = inbox.snapshot.highestModseq;
      await inbox.store([2, 5], { mode: "add", flags: ["\\Seen"] });
      const second = (await inbox.sync()).highestModseq;
      await expunge(inbox, 3, 4);
      const third = (await inbox.sync()).highestModseq;
      await mail.append("INBOX", several(1));
      const { highestModseq } = await inbox.sync();
      expect([first, second, third, highestModseq]).toEqual(
        [...new Set([first, second, third, highestModseq])].sort((a, b) => a - b),
      );
      for (const [since, changed, vanished] of [
        [first, [2, 5, 7], [3, 4]],
        [second, [7], [3, 4]],
        [third, [7], []],
      ] as const) {
        const changes = await inbox.changesSince(since);
        expect(changes.changed).toEqual(changed);
        // A store that does not remember so much may name more, and says so.
        if (changes.isExact) expect(vanishedIn(changes)).toEqual(vanished);
        expect(vanishedIn(changes)).toEqual(expect.arrayContaining([...vanished]));
      }
      await inbox.close();
    });

    it("goes by the snapshot of its handle, and names nothing that this still has", async () => {
      const { mail } = use();
      await mail.append("INBOX", several(4));
      const [seeing, acting] = [await mail.open("INBOX"), await mail.open("INBOX")];
      const before = seeing.snapshot.highestModseq;
      await expunge(acting, 1);
      await mail.append("INBOX", several(1));
      await acting.sync();
      expect(await seeing.changesSince(before)).toMatchObject({ changed: [], vanished: [] });
      await seeing.sync();
      const changes = await seeing.changesSince(before);
      expect(changes.changed).toEqual([5]);
      expect(vanishedIn(changes)).toEqual([1]);
      await seeing.close();
      await acting.close();
    });

    it("gives a change a modseq above all that any process has shown before", async () => {
      const { mail, other, underTest } = use();
      if (underTest.sharesModseqs === false) return;
      await mail.append("INBOX", several(3));
      const [mine, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      for (const [acting, seeing] of [
        [mine, theirs],
        [theirs, mine],
        [mine, theirs],
      ] as const) {
        const shown = (await seeing.sync()).highestModseq;
        const flag = entryOf(acting.snapshot, 2).flags.has("\\Flagged");
        await acting.store([2], { mode: flag ? "remove" : "add", flags: ["\\Flagged"] });
        await acting.sync();
        expect(entryOf(acting.snapshot, 2).modseq).toBeGreaterThan(shown);
        await seeing.sync();
        expect((await seeing.changesSince(shown)).changed).toEqual([2]);
      }
      await mine.close();
      await theirs.close();
    });

    it("never goes back, and still knows what changed, when the store is opened anew", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", several(5));
      const inbox = await mail.open("INBOX");
      const first = inbox.snapshot.highestModseq;
      await expunge(inbox, 2);
      await inbox.store([4], { mode: "add", flags: ["\\Seen"] });
      const last = (await inbox.sync()).highestModseq;
      await inbox.close();
      const again = await (await other()).open("INBOX");
      expect(again.snapshot.highestModseq).toBeGreaterThanOrEqual(last);
      const changes = await again.changesSince(first);
      expect(changes.changed).toContain(4);
      expect(vanishedIn(changes)).toContain(2);
      expect(vanishedIn(changes).filter((uid) => uidsOf(again.snapshot).includes(uid))).toEqual([]);
      expect((await mail.status("INBOX")).highestModseq).toBeGreaterThanOrEqual(last);
      await again.close();
    });
  });
