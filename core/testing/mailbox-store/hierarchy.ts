import { expect, it } from "vitest";
import type { AccountMailboxes } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { codeOf, type MakeStore, message, subjectsOf } from "./rig.ts";

const namesOf = async (mail: AccountMailboxes): Promise<readonly string[]> =>
  (await mail.list()).map(({ name }) => name);

export const hierarchyTests = (makeStore: MakeStore): void =>
  area("hierarchy", makeStore, (use) => {
    it("always has an INBOX", async () => {
      const { mail } = use();
      expect(await mail.list()).toEqual([
        { name: "INBOX", isSelectable: true, hasChildren: false, isSubscribed: false, specialUse: null },
      ]);
      expect(await codeOf(mail.create("inbox"))).toBe("alreadyExists");
      expect(await codeOf(mail.delete("INBOX"))).toBe("cannot");
      expect((await mail.status("InBox")).messages).toBe(0);
    });

    it("creates with missing parents, once", async () => {
      const { mail } = use();
      await mail.create("A/B/C");
      expect((await namesOf(mail)).toSorted()).toEqual(["A", "A/B", "A/B/C", "INBOX"]);
      expect((await mail.list()).find(({ name }) => name === "A/B")).toMatchObject({
        isSelectable: true,
        hasChildren: true,
      });
      expect(await codeOf(mail.create("A/B"))).toBe("alreadyExists");
      const outcomes = await Promise.all([mail.create("X"), mail.create("X"), mail.create("X")].map(codeOf));
      expect(outcomes.toSorted()).toEqual(["alreadyExists", "alreadyExists", "resolved"]);
    });

    it("deletes; with children the name stays", async () => {
      const { mail } = use();
      await mail.create("A/B");
      await mail.append("A", [message("x")]);
      await mail.delete("A");
      expect((await mail.list()).find(({ name }) => name === "A")).toMatchObject({
        isSelectable: false,
        hasChildren: true,
      });
      expect(await codeOf(mail.delete("A"))).toBe("cannot");
      await mail.delete("A/B");
      expect(await namesOf(mail)).toEqual(["INBOX"]);
      expect(await codeOf(mail.delete("A/B"))).toBe("nonexistent");
    });

    it("never gives a UIDVALIDITY again under the same name", async () => {
      const { mail } = use();
      const given = new Set<number>();
      for (let round = 0; round < 5; round++) {
        await mail.create("Again");
        await mail.append("Again", [message("x")]);
        given.add((await mail.status("Again")).uidValidity);
        await mail.delete("Again");
      }
      expect(given.size).toBe(5);
    });

    it("renames with children, keeps UIDs, makes parents of the new name", async () => {
      const { mail } = use();
      await mail.create("A/B");
      await mail.append("A", [message("one")]);
      await mail.append("A/B", [message("two")]);
      const before = await mail.status("A/B");
      await mail.rename("A", "New/Place");
      expect((await namesOf(mail)).toSorted()).toEqual(["INBOX", "New", "New/Place", "New/Place/B"]);
      const moved = await mail.open("New/Place/B");
      expect(await subjectsOf(moved)).toEqual(["two"]);
      expect(moved.uidValidity).toBe(before.uidValidity);
      await moved.close();
    });

    it("refuses renames that cannot be", async () => {
      const { mail } = use();
      await mail.create("A/B");
      await mail.create("C");
      expect(await codeOf(mail.rename("Nowhere", "D"))).toBe("nonexistent");
      expect(await codeOf(mail.rename("A", "C"))).toBe("alreadyExists");
      expect(await codeOf(mail.rename("A", "A/B/C"))).toBe("cannot");
      expect(await codeOf(mail.rename("A", "INBOX"))).toBe("alreadyExists");
      expect((await namesOf(mail)).toSorted()).toEqual(["A", "A/B", "C", "INBOX"]);
    });

    it("renames INBOX by moving its messages", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Seen"] }), message("b")]);
      await mail.create("INBOX/Child");
      await mail.rename("INBOX", "Archive/2026");
      expect((await mail.status("INBOX")).messages).toBe(0);
      const archive = await mail.open("Archive/2026");
      expect(await subjectsOf(archive)).toEqual(["a", "b"]);
      expect(await namesOf(mail)).toContain("INBOX/Child");
      await archive.close();
    });

    it("knows special uses, by name and as given", async () => {
      const { mail } = use();
      await mail.create("Sent");
      await mail.create("Rubbish", "\\Trash");
      await mail.create("Trash");
      const uses = async () =>
        Object.fromEntries(
          (await mail.list()).filter((one) => one.specialUse).map((one) => [one.name, one.specialUse]),
        );
      expect(await uses()).toEqual({ Sent: "\\Sent", Rubbish: "\\Trash" });
      expect(await codeOf(mail.create("Second", "\\Trash"))).toBe("cannot");
      await mail.rename("Rubbish", "Bin");
      expect(await uses()).toEqual({ Sent: "\\Sent", Bin: "\\Trash" });
      await mail.delete("Bin");
      expect(await uses()).toEqual({ Sent: "\\Sent", Trash: "\\Trash" });
    });
  });
