import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { area } from "./area.ts";
import { bytesOf, codeOf, flagsOf, type MakeStore, message, subjectsOf, text, uidsOf } from "./rig.ts";

export const deliverTests = (makeStore: MakeStore): void =>
  area("deliver", makeStore, (use) => {
    it("makes the INBOX of an account that has never been used", async () => {
      const { mail } = use();
      await mail.deliver("INBOX", message("first"));
      const inbox = await mail.open("inbox");
      expect(await subjectsOf(inbox)).toEqual(["first"]);
      expect(inbox.name).toBe("INBOX");
      await inbox.close();
    });

    it("makes another mailbox only when asked to", async () => {
      const { mail } = use();
      await mail.deliver("INBOX", message("first"));
      expect(await codeOf(mail.deliver("Lists/Node", message("x")))).toBe("nonexistent");
      await mail.deliver("Lists/Node", message("y"), { create: true });
      await mail.deliver("Lists/Node", message("z"));
      const lists = await mail.open("Lists/Node");
      expect((await subjectsOf(lists)).toSorted()).toEqual(["y", "z"]);
      await lists.close();
    });

    it("has a message once when the same hand-over is repeated, read or unread", async () => {
      const { mail, other } = use();
      let tries = 0;
      const again = () => message("once", { deliveryId: "abc-1", internalDate: Date.now() - 60_000 * ++tries });
      await mail.deliver("INBOX", again());
      await mail.deliver("INBOX", again());
      const inbox = await mail.open("INBOX");
      await mail.deliver("INBOX", again());
      await inbox.store(uidsOf(inbox.snapshot), { mode: "add", flags: ["\\Seen"] });
      await (await other()).deliver("INBOX", again());
      expect(await subjectsOf(inbox)).toEqual(["once"]);
      await mail.deliver("INBOX", message("another", { deliveryId: "abc-2" }));
      expect(await subjectsOf(inbox)).toEqual(["once", "another"]);
      await inbox.close();
    });

    it("takes any delivery id, also one with a path in it", async () => {
      const { mail } = use();
      const ids = ["../../x:2,S\n", "", "x".repeat(5_000), ".", "a,S=1", "ä"];
      for (const deliveryId of [...ids, ...ids]) await mail.deliver("INBOX", message("odd", { deliveryId }));
      const inbox = await mail.open("INBOX");
      expect(inbox.snapshot.size).toBe(ids.length);
      await inbox.close();
    });

    it("keeps flags and keywords of a delivery", async () => {
      const { mail } = use();
      await mail.deliver("INBOX", message("flagged", { flags: ["\\Flagged", "$Label1"] }));
      const inbox = await mail.open("INBOX");
      expect(flagsOf(inbox.snapshot, 1)).toEqual(["$Label1", "\\Flagged"]);
      await inbox.close();
    });

    it("takes a large stream, and leaves nothing of one that breaks off", async () => {
      const { mail } = use();
      const body = "0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(60_000);
      const large = text("large", body);
      const pieces = Array.from({ length: Math.ceil(large.length / 10_000) }, (_, at) =>
        large.subarray(at * 10_000, (at + 1) * 10_000),
      );
      await mail.deliver("INBOX", { content: Readable.from(pieces, { objectMode: false }) });
      const broken = Readable.from(
        (async function* () {
          yield text("half");
          throw new Error("gone");
        })(),
        { objectMode: false },
      );
      expect(await codeOf(mail.deliver("INBOX", { content: broken }))).not.toBe("resolved");
      const inbox = await mail.open("INBOX");
      expect(uidsOf(inbox.snapshot)).toEqual([1]);
      expect((await bytesOf(inbox, 1)).equals(large)).toBe(true);
      await inbox.close();
    });

    it("loses none of many at once, into one mailbox and by two processes", async () => {
      const { mail, other } = use();
      const theirs = await other();
      const inbox = await mail.open("INBOX");
      await Promise.all(
        Array.from({ length: 60 }, (_, index) => (index % 2 ? mail : theirs).deliver("INBOX", message(`m${index}`))),
      );
      const subjects = await subjectsOf(inbox);
      expect(subjects.toSorted()).toEqual(Array.from({ length: 60 }, (_, index) => `m${index}`).toSorted());
      await inbox.close();
    });
  });
