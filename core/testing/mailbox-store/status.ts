import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, type MakeStore, message, text } from "./rig.ts";

export const statusTests = (makeStore: MakeStore): void =>
  area("status", makeStore, (use) => {
    it("counts", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Seen"] }), message("bb"), message("ccc")]);
      const status = await mail.status("INBOX");
      expect(status).toMatchObject({ messages: 3, unseen: 2, recent: 2, uidNext: 4 });
      expect(status.sizeBytes).toBe(text("a").length + text("bb").length + text("ccc").length);
      expect(status.uidValidity).toBeGreaterThan(0);
      expect(status.highestModseq).toBeGreaterThan(0);
    });

    it("follows what sessions and other processes do", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const theirs = await (await other()).open("INBOX");
      await theirs.store([1, 2], { mode: "add", flags: ["\\Seen"] });
      expect(await mail.status("INBOX")).toMatchObject({ messages: 2, unseen: 0 });
      await theirs.store([1], { mode: "replace", flags: ["\\Deleted"] });
      expect(await mail.status("INBOX")).toMatchObject({ messages: 2, unseen: 1 });
      await theirs.expunge(null);
      expect(await mail.status("INBOX")).toMatchObject({ messages: 1, unseen: 0, uidNext: 3 });
      await theirs.close();
    });

    it("refuses what is not there or only a step to its children", async () => {
      const { mail } = use();
      expect(await codeOf(mail.status("Nowhere"))).toBe("nonexistent");
      await mail.create("A/B");
      await mail.delete("A");
      expect(await codeOf(mail.status("A"))).toBe("nonexistent");
      expect(await codeOf(mail.open("A"))).toBe("nonexistent");
    });
  });
