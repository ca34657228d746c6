import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, type MakeStore, message, subjectsOf, uidsOf } from "./rig.ts";

/** UIDVALIDITY, mailbox ids, special uses that are set, messages that come with UIDs of elsewhere. */
export const identityTests = (makeStore: MakeStore): void =>
  area("identity", makeStore, (use) => {
    it("has a UIDVALIDITY that stays, and a greater one for what is made under the same name", async () => {
      const { mail, other } = use();
      await mail.create("Box");
      const first = await mail.status("Box");
      expect(first.uidValidity).toBeGreaterThan(0);
      expect(first.uidValidity).toBeLessThan(2 ** 32);
      expect((await (await other()).status("Box")).uidValidity).toBe(first.uidValidity);
      await mail.delete("Box");
      await mail.create("Box");
      const second = await mail.status("Box");
      expect(second.uidValidity).toBeGreaterThan(first.uidValidity);
      await mail.create("Other");
      await mail.delete("Box");
      await mail.rename("Other", "Box");
      const third = await mail.status("Box");
      expect(third.uidValidity).toBeGreaterThan(second.uidValidity);
      expect(new Set([first, second, third].map(({ mailboxId }) => mailboxId)).size).toBe(3);
    });

    it("takes UIDVALIDITY, UIDs and its id along when it is renamed", async () => {
      const { mail } = use();
      await mail.create("Old");
      await mail.append("Old", [message("a", { flags: ["\\Deleted"] }), message("b")]);
      const old = await mail.open("Old");
      await old.expunge(null);
      await old.close();
      const before = await mail.status("Old");
      await mail.rename("Old", "New");
      expect(await mail.status("New")).toMatchObject({
        ...{ uidValidity: before.uidValidity, mailboxId: before.mailboxId, uidNext: before.uidNext },
      });
      const renamed = await mail.open("New");
      expect(uidsOf(renamed.snapshot)).toEqual([2]);
      expect(renamed.mailboxId).toBe(before.mailboxId);
      await renamed.close();
    });

    it("has an id of the characters that IMAP allows, and no two have the same", async () => {
      const { mail } = use();
      for (const name of ["A", "B", "A/C"]) await mail.create(name);
      const ids = await Promise.all(
        ["INBOX", "A", "B", "A/C"].map(async (name) => (await mail.status(name)).mailboxId),
      );
      // RFC 8474 3
      for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,255}$/);
      expect(new Set(ids).size).toBe(4);
    });

    it("gives no UID twice, also where the last message has gone and everything is opened anew", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a"), message("b", { flags: ["\\Deleted"] })]);
      const inbox = await mail.open("INBOX");
      await inbox.expunge(null);
      await inbox.close();
      const theirs = await other();
      expect((await theirs.append("INBOX", [message("c")])).uids).toEqual([3]);
      expect((await mail.status("INBOX")).uidNext).toBe(4);
    });

    it("has a special use that can be set, moved and taken away", async () => {
      const { mail } = use();
      const uses = async () =>
        Object.fromEntries(
          (await mail.list()).filter((one) => one.specialUse).map((one) => [one.name, one.specialUse]),
        );
      for (const name of ["Sent", "Post", "Third"]) await mail.create(name);
      expect(await uses()).toEqual({ Sent: "\\Sent" });
      await mail.setSpecialUse("Post", "\\Sent");
      expect(await uses()).toEqual({ Post: "\\Sent" });
      expect(await codeOf(mail.setSpecialUse("Third", "\\Sent"))).toBe("cannot");
      await mail.setSpecialUse("Third", "\\Important");
      await mail.setSpecialUse("Post", "\\Archive");
      expect(await uses()).toEqual({ Sent: "\\Sent", Post: "\\Archive", Third: "\\Important" });
      await mail.setSpecialUse("Sent", null);
      await mail.setSpecialUse("Third", null);
      expect(await uses()).toEqual({ Post: "\\Archive" });
      expect(await codeOf(mail.setSpecialUse("Nowhere", "\\Junk"))).toBe("nonexistent");
    });

    it("takes messages with the UIDs and unique-ids of elsewhere, where it can", async () => {
      const { mail } = use();
      await mail.create("Import");
      if (!(await mail.takeUids("Import", { uidValidity: 4_000_000_000, uidNext: 10 }))) return;
      const { uids, uidValidity } = await mail.append("Import", [message("a", { uid: 10 }), message("b", { uid: 20 })]);
      expect(uids).toEqual([10, 20]);
      expect(uidValidity).toBe(4_000_000_000);
      expect((await mail.append("Import", [message("c", { uid: 5 }), message("d")])).uids).toEqual([21, 22]);
      const mailbox = await mail.open("Import");
      expect(await subjectsOf(mailbox)).toEqual(["a", "b", "c", "d"]);
      await mailbox.close();
      expect(await mail.takeUids("Import", { uidValidity: 4_000_000_001, uidNext: 1 })).toBe(false);
    });
  });
