import { expect, it } from "vitest";
import { area } from "./area.ts";
import { type MakeStore, message } from "./rig.ts";

export const maildropTests = (makeStore: MakeStore): void =>
  area("maildrop", makeStore, (use) => {
    it("is used by one at a time, across processes", async () => {
      const { mail, other } = use();
      const theirs = await other();
      const lock = await mail.lockMaildrop();
      expect(lock).not.toBeNull();
      expect(await mail.lockMaildrop()).toBeNull();
      expect(await theirs.lockMaildrop()).toBeNull();
      await lock?.release();
      const next = await theirs.lockMaildrop();
      expect(next).not.toBeNull();
      await next?.release();
      await next?.release();
    });

    it("does not keep mail from coming in or being read over IMAP", async () => {
      const { mail } = use();
      const lock = await mail.lockMaildrop();
      await mail.deliver("INBOX", message("a"));
      expect((await mail.status("INBOX")).messages).toBe(1);
      await lock?.release();
    });

    it("gives unique-ids that stay, of the characters POP3 allows", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const inbox = await mail.open("INBOX");
      const ids = await mail.uniqueIds(inbox);
      expect([ids.get(3), ids.get(0)]).toEqual([undefined, undefined]);
      expect(ids.get(1)).not.toBe(ids.get(2));
      // RFC 1939 7: one to 70 characters from 0x21 to 0x7E
      for (const uid of [1, 2]) expect(ids.get(uid)).toMatch(/^[\x21-\x7e]{1,70}$/);
      await inbox.store([1], { mode: "add", flags: ["\\Deleted"] });
      await inbox.expunge(null);
      await inbox.close();
      const theirs = await other();
      const again = await theirs.open("INBOX");
      const those = await theirs.uniqueIds(again);
      expect([those.get(1), those.get(2)]).toEqual([undefined, ids.get(2)]);
      await again.close();
    });
  });
