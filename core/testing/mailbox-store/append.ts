import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { area } from "./area.ts";
import { bytesOf, codeOf, entryOf, flagsOf, type MakeStore, message, subjectsOf, text, uidsOf } from "./rig.ts";

export const appendTests = (makeStore: MakeStore): void =>
  area("append", makeStore, (use) => {
    it("gives ascending UIDs that the mailbox then has", async () => {
      const { mail } = use();
      const first = await mail.append("INBOX", [message("one"), message("two")]);
      const second = await mail.append("INBOX", [message("three")]);
      const inbox = await mail.open("INBOX");
      expect(first.uids).toHaveLength(2);
      expect(uidsOf(inbox.snapshot)).toEqual([...first.uids, ...second.uids]);
      expect(first.uidValidity).toBe(inbox.uidValidity);
      expect([...first.uids, ...second.uids].every((uid, at, all) => at === 0 || uid > (all[at - 1] ?? 0))).toBe(true);
      expect(await subjectsOf(inbox)).toEqual(["one", "two", "three"]);
      await inbox.close();
    });

    it("keeps flags, keywords and date", async () => {
      const { mail } = use();
      const internalDate = Date.UTC(2001, 1, 3, 4, 5, 6);
      const { uids } = await mail.append("INBOX", [message("old", { flags: ["\\Seen", "$Forwarded"], internalDate })]);
      const inbox = await mail.open("INBOX");
      const [uid = 0] = uids;
      expect(flagsOf(inbox.snapshot, uid)).toEqual(["$Forwarded", "\\Seen"]);
      expect(entryOf(inbox.snapshot, uid).internalDate).toBe(internalDate);
      await inbox.close();
    });

    it("takes a stream", async () => {
      const { mail } = use();
      const pieces = [text("streamed").subarray(0, 20), text("streamed").subarray(20)];
      const { uids } = await mail.append("INBOX", [{ content: Readable.from(pieces, { objectMode: false }) }]);
      const inbox = await mail.open("INBOX");
      expect(await bytesOf(inbox, uids[0] ?? 0)).toEqual(text("streamed"));
      await inbox.close();
    });

    it("stores none of several when one breaks off", async () => {
      const { mail } = use();
      const broken = Readable.from(
        (async function* () {
          yield text("half").subarray(0, 10);
          throw new Error("the client left");
        })(),
        { objectMode: false },
      );
      expect(await codeOf(mail.append("INBOX", [message("whole"), { content: broken }]))).not.toBe("resolved");
      const short = { content: [text("short")], sizeBytes: 5_000 };
      expect(await codeOf(mail.append("INBOX", [message("whole"), short]))).not.toBe("resolved");
      const inbox = await mail.open("INBOX");
      expect(inbox.snapshot.size).toBe(0);
      await inbox.close();
    });

    it("takes messages as they come, and asks for none before it knows that there is a mailbox for it", async () => {
      const { mail } = use();
      let asked = 0;
      async function* coming() {
        for (const subject of ["one", "two", "three"]) {
          asked++;
          yield { content: Readable.from([text(subject)], { objectMode: false }), flags: ["\\Seen"] };
        }
      }
      expect(await codeOf(mail.append("Nowhere", coming()))).toBe("nonexistent");
      expect(asked).toBe(0);
      const { uids } = await mail.append("INBOX", coming());
      const inbox = await mail.open("INBOX");
      expect(uidsOf(inbox.snapshot)).toEqual(uids);
      expect(await subjectsOf(inbox)).toEqual(["one", "two", "three"]);
      await inbox.close();
    });

    it("stores none of those that came when the next one does not", async () => {
      const { mail } = use();
      async function* coming() {
        yield message("one");
        yield message("two");
        throw new Error("the client left");
      }
      expect(await codeOf(mail.append("INBOX", coming()))).not.toBe("resolved");
      expect((await mail.status("INBOX")).messages).toBe(0);
    });

    it("refuses a mailbox that is not there", async () => {
      expect(await codeOf(use().mail.append("Nowhere", [message("x")]))).toBe("nonexistent");
    });

    it("refuses a flag that is none, and stores nothing", async () => {
      const { mail } = use();
      for (const flag of ["\\Nonsense", "a b", "a\r\nb", "", "(x", "ä"]) {
        expect(await codeOf(mail.append("INBOX", [message("x", { flags: [flag] })]))).toBe("cannot");
      }
      expect((await mail.status("INBOX")).messages).toBe(0);
    });

    it("gives each UID once when two processes append at the same time", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("first")]);
      const theirs = await other();
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) => (index % 2 ? mail : theirs).append("INBOX", [message(`m${index}`)])),
      );
      const uids = results.flatMap((result) => result.uids);
      expect(new Set(uids).size).toBe(40);
      const [a, b] = [await mail.open("INBOX"), await theirs.open("INBOX")];
      expect(uidsOf(await a.sync())).toEqual(uidsOf(await b.sync()));
      expect(uidsOf(a.snapshot)).toEqual(expect.arrayContaining(uids));
      await a.close();
      await b.close();
    });
  });
