import { expect, it } from "vitest";
import { area } from "./area.ts";
import { type MakeStore, message, subjectsOf, uidsOf } from "./rig.ts";

export const expungeTests = (makeStore: MakeStore): void =>
  area("expunge", makeStore, (use) => {
    it("removes what is Deleted among the UIDs given, and says which", async () => {
      const { mail } = use();
      const deleted = { flags: ["\\Deleted"] };
      await mail.append("INBOX", [message("a", deleted), message("b"), message("c", deleted), message("d", deleted)]);
      const inbox = await mail.open("INBOX");
      expect(await inbox.expunge([3, 2, 99])).toEqual([3]);
      expect(uidsOf(await inbox.sync())).toEqual([1, 2, 4]);
      expect(await inbox.expunge(null)).toEqual([1, 4]);
      expect(await subjectsOf(inbox)).toEqual(["b"]);
      expect(await inbox.expunge(null)).toEqual([]);
      await inbox.close();
    });

    it("never gives an expunged UID again, not even after a restart", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a"), message("b", { flags: ["\\Deleted"] })]);
      const inbox = await mail.open("INBOX");
      const { uidNext } = inbox.snapshot;
      await inbox.expunge(null);
      await inbox.close();
      const theirs = await other();
      expect((await theirs.status("INBOX")).uidNext).toBe(uidNext);
      expect((await theirs.append("INBOX", [message("c")])).uids).toEqual([uidNext]);
    });

    it("shows another process's expunge at the next sync, not before", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] }), message("b")]);
      const [ours, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      const before = ours.snapshot;
      await theirs.expunge(null);
      expect(ours.snapshot).toBe(before);
      expect(uidsOf(ours.snapshot)).toEqual([1, 2]);
      expect(uidsOf(await ours.sync())).toEqual([2]);
      await ours.close();
      await theirs.close();
    });

    it("answers each removed UID to one of two who expunge at once", async () => {
      const { mail, other } = use();
      const doomed = Array.from({ length: 30 }, (_, index) => message(`m${index}`, { flags: ["\\Deleted"] }));
      await mail.append("INBOX", doomed);
      const [ours, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      const removed = (await Promise.all([ours.expunge(null), theirs.expunge(null)])).flat();
      expect(removed.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
      expect((await ours.sync()).size + (await theirs.sync()).size).toBe(0);
      await ours.close();
      await theirs.close();
    });
  });
