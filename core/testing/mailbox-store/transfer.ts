import { expect, it } from "vitest";
import { area } from "./area.ts";
import { bytesOf, codeOf, entryOf, flagsOf, type MakeStore, message, subjectsOf, text, uidsOf } from "./rig.ts";

export const transferTests = (makeStore: MakeStore): void =>
  area("copy and move", makeStore, (use) => {
    it("copies with flags, keywords and date, and leaves the source", async () => {
      const { mail } = use();
      const internalDate = Date.UTC(2010, 5, 5);
      await mail.create("Target");
      await mail.append("Target", [message("old", { flags: ["First"] })]);
      await mail.append("INBOX", [message("a", { flags: ["\\Seen", "Kept"], internalDate }), message("b")]);
      const inbox = await mail.open("INBOX");
      const target = await mail.open("Target");
      const { uidValidity, uids } = await inbox.copy([2, 1], "Target");
      expect(uidValidity).toBe(target.uidValidity);
      expect(uids).toEqual([
        { from: 1, to: 2 },
        { from: 2, to: 3 },
      ]);
      expect(await subjectsOf(target)).toEqual(["old", "a", "b"]);
      expect(flagsOf(target.snapshot, 2)).toEqual(["Kept", "\\Seen"]);
      expect(entryOf(target.snapshot, 2).internalDate).toBe(internalDate);
      expect(await bytesOf(target, 2)).toEqual(text("a"));
      expect(uidsOf(await inbox.sync())).toEqual([1, 2]);
      await inbox.close();
      await target.close();
    });

    it("keeps a copy when the original goes, and the original when the copy changes", async () => {
      const { mail } = use();
      await mail.create("Target");
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] })]);
      const inbox = await mail.open("INBOX");
      await inbox.copy([1], "Target");
      const target = await mail.open("Target");
      await target.store([1], { mode: "replace", flags: ["\\Seen"] });
      expect(flagsOf(await inbox.sync(), 1)).toEqual(["\\Deleted"]);
      await inbox.expunge(null);
      expect(await bytesOf(target, 1)).toEqual(text("a"));
      await inbox.close();
      await target.close();
    });

    it("copies into the same mailbox", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const inbox = await mail.open("INBOX");
      expect((await inbox.copy([1], "INBOX")).uids).toEqual([{ from: 1, to: 3 }]);
      expect(await subjectsOf(inbox)).toEqual(["a", "b", "a"]);
      await inbox.close();
    });

    it("moves: gone here, there with a new UID", async () => {
      const { mail } = use();
      await mail.create("Target");
      await mail.append("INBOX", [message("a"), message("b", { flags: ["\\Flagged"] }), message("c")]);
      const inbox = await mail.open("INBOX");
      expect((await inbox.move([2, 3], "Target")).uids).toEqual([
        { from: 2, to: 1 },
        { from: 3, to: 2 },
      ]);
      expect(uidsOf(await inbox.sync())).toEqual([1]);
      const target = await mail.open("Target");
      expect(await subjectsOf(target)).toEqual(["b", "c"]);
      expect(flagsOf(target.snapshot, 1)).toEqual(["\\Flagged"]);
      await inbox.close();
      await target.close();
    });

    it("refuses a target that is not there and changes nothing", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a")]);
      const inbox = await mail.open("INBOX");
      expect(await codeOf(inbox.copy([1], "Nowhere"))).toBe("nonexistent");
      expect(await codeOf(inbox.move([1], "Nowhere"))).toBe("nonexistent");
      expect(uidsOf(await inbox.sync())).toEqual([1]);
      await inbox.close();
    });

    it("is all or nothing when a message is gone, and passes over UIDs that never were", async () => {
      const { mail, other } = use();
      await mail.create("Target");
      await mail.append("INBOX", [message("a"), message("b", { flags: ["\\Deleted"] }), message("c")]);
      const inbox = await mail.open("INBOX");
      const theirs = await (await other()).open("INBOX");
      await theirs.expunge(null);
      expect(await codeOf(inbox.copy([1, 2, 3], "Target"))).toBe("expunged");
      expect(await codeOf(inbox.move([1, 2, 3], "Target"))).toBe("expunged");
      expect((await mail.status("Target")).messages).toBe(0);
      await inbox.sync();
      expect((await inbox.copy([2, 77], "Target")).uids).toEqual([]);
      expect(await subjectsOf(inbox)).toEqual(["a", "c"]);
      await inbox.close();
      await theirs.close();
    });

    it("ends two moves against each other", async () => {
      const { mail } = use();
      await mail.create("Target");
      await mail.append("INBOX", [message("a")]);
      await mail.append("Target", [message("b")]);
      const [inbox, target] = [await mail.open("INBOX"), await mail.open("Target")];
      await Promise.all([inbox.move([1], "Target"), target.move([1], "INBOX")]);
      expect([await subjectsOf(inbox), await subjectsOf(target)]).toEqual([["b"], ["a"]]);
      await inbox.close();
      await target.close();
    });

    it("has each message in one place when two processes move the same ones", async () => {
      const { mail, other } = use();
      await mail.create("Left");
      await mail.create("Right");
      await mail.append(
        "INBOX",
        Array.from({ length: 20 }, (_, index) => message(`m${index}`)),
      );
      const [ours, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      const all = uidsOf(ours.snapshot);
      await Promise.allSettled([ours.move(all, "Left"), theirs.move(all, "Right")]);
      const left = await mail.open("Left");
      const right = await mail.open("Right");
      const found = [...(await subjectsOf(left)), ...(await subjectsOf(right)), ...(await subjectsOf(ours))];
      expect(found.toSorted()).toEqual(Array.from({ length: 20 }, (_, index) => `m${index}`).toSorted());
      for (const mailbox of [left, right, ours, theirs]) await mailbox.close();
    });
  });
