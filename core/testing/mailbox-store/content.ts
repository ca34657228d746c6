import { buffer } from "node:stream/consumers";
import { expect, it } from "vitest";
import { area } from "./area.ts";
import { bytesOf, codeOf, entryOf, type MakeStore, message, text } from "./rig.ts";

const MULTIPART = Buffer.from(
  [
    "Subject: parts",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "one",
    "--b",
    "Content-Type: text/html",
    "",
    "<p>two</p>",
    "--b--",
    "",
  ].join("\r\n"),
);

export const contentTests = (makeStore: MakeStore): void =>
  area("content", makeStore, (use) => {
    it("gives the bytes back as they came, with their exact size", async () => {
      const { mail } = use();
      const bodies = ["", "\r\n", "no line end", "a\r\n.\r\nb\r\n", `${"x".repeat(70_000)}\r\n`, "\u0000\u0001\r\n"];
      for (const body of bodies) await mail.append("INBOX", [message("m", { body })]);
      const inbox = await mail.open("INBOX");
      for (const [index, body] of bodies.entries()) {
        const bytes = await bytesOf(inbox, index + 1);
        expect(bytes).toEqual(text("m", body));
        expect(entryOf(inbox.snapshot, index + 1).sizeBytes).toBe(bytes.length);
        expect(await inbox.bytes(index + 1, bytes.length)).toEqual(bytes);
        expect(await inbox.bytes(index + 1, bytes.length - 1)).toBeNull();
      }
      await inbox.close();
    });

    it("presents bare LF as CRLF, in size and ranges too", async () => {
      const { mail } = use();
      await mail.append("INBOX", [{ content: [Buffer.from("Subject: lf\n\none\ntwo\r\nthree\n")] }]);
      const inbox = await mail.open("INBOX");
      const whole = Buffer.from("Subject: lf\r\n\r\none\r\ntwo\r\nthree\r\n");
      expect(await bytesOf(inbox, 1)).toEqual(whole);
      expect(entryOf(inbox.snapshot, 1).sizeBytes).toBe(whole.length);
      for (const [start, length] of [
        [0, 5],
        [11, 3],
        [12, 1],
        [13, 100],
        [whole.length, 5],
        [3, 0],
      ] as const) {
        expect(await buffer(await inbox.content(1, { start, length }))).toEqual(whole.subarray(start, start + length));
      }
      await inbox.close();
    });

    it("gives any range of a large message", async () => {
      const { mail } = use();
      const large = text("large", "0123456789\r\n".repeat(100_000));
      await mail.append("INBOX", [{ content: [large] }]);
      const inbox = await mail.open("INBOX");
      for (const [start, length] of [
        [0, 100],
        [65_530, 20],
        [400_000, 700_000],
        [large.length - 3, 99],
      ] as const) {
        const part = await buffer(await inbox.content(1, { start, length }));
        expect(part.equals(large.subarray(start, start + length))).toBe(true);
      }
      await inbox.close();
    });

    it("can leave a stream half read", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("large", { body: "0123456789\r\n".repeat(100_000) })]);
      const inbox = await mail.open("INBOX");
      const stream = await inbox.content(1);
      for await (const _ of stream) break;
      expect(stream.destroyed).toBe(true);
      expect((await bytesOf(inbox, 1)).length).toBe(entryOf(inbox.snapshot, 1).sizeBytes);
      await inbox.close();
    });

    it("knows the MIME structure by octets", async () => {
      const { mail } = use();
      await mail.append("INBOX", [{ content: [MULTIPART] }]);
      const inbox = await mail.open("INBOX");
      const structure = await inbox.structure(1);
      expect(structure.children.map(({ type, subtype }) => `${type}/${subtype}`)).toEqual(["text/plain", "text/html"]);
      const second = structure.children[1]?.body ?? { start: 0, length: 0 };
      expect((await buffer(await inbox.content(1, second))).toString()).toBe("<p>two</p>");
      expect(await inbox.structure(1)).toEqual(structure);
      await inbox.close();
    });

    it("says expunged for a message that is gone or never was", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] })]);
      const inbox = await mail.open("INBOX");
      const theirs = await (await other()).open("INBOX");
      await theirs.expunge(null);
      expect(await codeOf(inbox.content(1))).toBe("expunged");
      expect(await codeOf(Promise.resolve(inbox.bytes(1, 1_000_000)))).toBe("expunged");
      expect(await codeOf(Promise.resolve(inbox.structure(99)))).toBe("expunged");
      await inbox.close();
      await theirs.close();
    });
  });
