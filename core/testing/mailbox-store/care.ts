import { expect, it } from "vitest";
import { area } from "./area.ts";
import { type MakeStore, message, subjectsOf, uidsOf } from "./rig.ts";

export const careTests = (makeStore: MakeStore): void =>
  area("inspection and foreign UIDs", makeStore, (use) => {
    it("finds nothing wrong with a mailbox in use, changes nothing, and repairs nothing", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Seen", "Key"] }), message("b")]);
      await mail.deliver("INBOX", message("c"));
      const inbox = await (await other()).open("INBOX");
      await inbox.store([1], { mode: "add", flags: ["\\Deleted"] });
      await inbox.expunge(null);
      expect(await mail.inspect("INBOX", { repair: false })).toEqual([]);
      expect(await mail.inspect("INBOX", { repair: true })).toEqual([]);
      expect(await subjectsOf(inbox)).toEqual(["b", "c"]);
      await inbox.close();
    });

    it("refuses to look at what is not there", async () => {
      const { mail } = use();
      await expect(mail.inspect("Nowhere", { repair: true })).rejects.toMatchObject({ code: "nonexistent" });
      expect((await mail.list()).map(({ name }) => name)).toEqual(["INBOX"]);
    });

    it("either takes UIDs of another server as they are, or says that it does not", async () => {
      const { mail } = use();
      await mail.create("Moved");
      const isTaken = await mail.takeUids("Moved", { uidValidity: 1_234_567, uidNext: 1 });
      const { uidValidity, uids } = await mail.append("Moved", [message("a", { uid: 7 }), message("b", { uid: 9 })]);
      if (!isTaken) return;
      expect({ uidValidity, uids }).toEqual({ uidValidity: 1_234_567, uids: [7, 9] });
      expect(await mail.takeUids("Moved", { uidValidity: 1_234_567, uidNext: 20 })).toBe(true);
      expect((await mail.append("Moved", [message("c"), message("d", { uid: 3 })])).uids).toEqual([20, 21]);
      const moved = await mail.open("Moved");
      expect(moved.uidValidity).toBe(1_234_567);
      expect(uidsOf(moved.snapshot)).toEqual([7, 9, 20, 21]);
      await moved.close();
      expect(await mail.takeUids("Moved", { uidValidity: 7_654_321, uidNext: 1 })).toBe(false);
    });

    it("does not go on with a mailbox that became another's under an open session", async () => {
      const { mail } = use();
      await mail.create("Moved");
      const before = await mail.open("Moved");
      const isTaken = await mail.takeUids("Moved", { uidValidity: 1_234_567, uidNext: 5 });
      if (isTaken) await expect(before.sync()).rejects.toMatchObject({ code: "nonexistent" });
      await before.close();
    });
  });
