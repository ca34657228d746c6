import { expect, it } from "vitest";
import type { NoteName } from "../../contracts/mailbox-notes.ts";
import type { AccountMailboxes } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { codeOf, type MakeStore } from "./rig.ts";

const textOf = async ({ notes }: AccountMailboxes, mailbox: string, note: NoteName = "acl"): Promise<string | null> =>
  (await notes?.read(mailbox, note))?.text ?? null;

/** Texts beside mailboxes, for stores that keep some. */
export const noteTests = (makeStore: MakeStore): void =>
  area("notes", makeStore, (use) => {
    it("go where their mailbox goes, and go with it", async () => {
      const { mail, other } = use();
      const { notes } = mail;
      if (!notes) return;
      await mail.create("Box/Below");
      await notes.change("Box/Below", "acl", (text) => `${text}user=bob lr\n`);
      await notes.change("INBOX", "acl", () => "user=cid l\n");
      const theirs = await other();
      expect(await textOf(theirs, "Box/Below")).toBe("user=bob lr\n");
      expect(await textOf(theirs, "Box")).toBeNull();
      expect(await textOf(theirs, "Box/Below", "seen-0123456789abcdef")).toBeNull();
      await mail.rename("Box", "Crate");
      expect(await textOf(theirs, "Crate/Below")).toBe("user=bob lr\n");
      expect(await textOf(theirs, "Box/Below")).toBeNull();
      await mail.delete("Crate/Below");
      await mail.create("Crate/Below");
      expect(await textOf(theirs, "Crate/Below")).toBeNull();
      expect(await textOf(theirs, "INBOX")).toBe("user=cid l\n");
    });

    it("belong to mailboxes that are there", async () => {
      const { notes } = use().mail;
      if (!notes) return;
      expect(await notes.read("Nowhere", "acl")).toBeNull();
      expect(await codeOf(notes.change("Nowhere", "acl", () => "user=bob lr\n"))).toBe("nonexistent");
    });
  });
