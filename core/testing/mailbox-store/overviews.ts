import { expect, it } from "vitest";
import { area } from "./area.ts";
import { bytesOf, codeOf, entryOf, type MakeStore, message, text } from "./rig.ts";

const REPLY = Buffer.from(
  [
    "Date: Mon, 7 Feb 1994 21:52:25 -0800",
    "From: Ann <ann@example.org>",
    "To: b@example.org, c@example.org",
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
    "Message-ID: <three@example.org>",
    "In-Reply-To: <two@example.org>",
    "References: <one@example.org>",
    " <two@example.org>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/alternative; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "> what you wrote",
    "",
    "I am  f=C3=BCr it,",
    "as ever.",
    "--b",
    "Content-Type: text/html",
    "",
    "<p>other</p>",
    "--b--",
    "",
  ].join("\r\n"),
);

export const overviewTests = (makeStore: MakeStore): void =>
  area("overviews", makeStore, (use) => {
    it("show envelope, dates, references and the first words", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [{ content: [REPLY] }]);
      const inbox = await mail.open("INBOX");
      const overview = await inbox.overview(1);
      expect(overview).toMatchObject({
        sentDate: Date.UTC(1994, 1, 8, 5, 52, 25),
        references: ["one@example.org", "two@example.org"],
        envelope: {
          subject: "=?utf-8?q?Gr=C3=BC=C3=9Fe?=",
          from: [{ name: "Ann", mailbox: "ann", host: "example.org" }],
          to: [{ mailbox: "b" }, { mailbox: "c" }],
          messageId: "<three@example.org>",
        },
      });
      expect(await inbox.overview(1)).toEqual(overview);
      const gist = await inbox.gist(1);
      expect(gist).toMatchObject({ preview: "I am für it, as ever." });
      const theirs = await (await other()).open("INBOX");
      expect(await theirs.gist(1)).toEqual(gist);
      expect(await theirs.overview(1)).toEqual(overview);
      await inbox.close();
      await theirs.close();
    });

    it("of anything at all", async () => {
      const { mail } = use();
      const contents = [
        "",
        "\r\n",
        "no header",
        "\0\xff\r\n\r\n\0",
        "Subject:\r\n",
        `X: ${"y".repeat(300_000)}\r\n\r\nz`,
      ];
      await mail.append(
        "INBOX",
        contents.map((content) => ({ content: [Buffer.from(content, "latin1")] })),
      );
      const inbox = await mail.open("INBOX");
      for (const [at] of contents.entries()) {
        const { preview, threadId, emailId } = await inbox.gist(at + 1);
        expect((await inbox.overview(at + 1)).references).toEqual([]);
        expect(preview.length).toBeLessThanOrEqual(200);
        expect(`${threadId}${emailId}`).toMatch(/^[A-Za-z0-9_-]+$/);
      }
      await inbox.close();
    });

    it("are expunged with their message", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] }), message("b")]);
      const inbox = await mail.open("INBOX");
      await inbox.overview(1);
      await inbox.expunge(null);
      await inbox.sync();
      expect(await codeOf(Promise.resolve(inbox.overview(1)))).toBe("expunged");
      expect(await codeOf(Promise.resolve(inbox.gist(1)))).toBe("expunged");
      await inbox.close();
    });

    it("have object ids that stay through copy and move, and join a thread", async () => {
      const { mail } = use();
      await mail.create("Target");
      const root = Buffer.from("Message-ID: <one@example.org>\r\nSubject: s\r\n\r\nx\r\n");
      const internalDate = Date.UTC(2010, 1, 1);
      const both = [REPLY, root].map((content) => ({ content: [content], internalDate }));
      await mail.append("INBOX", [...both, message("other")]);
      const inbox = await mail.open("INBOX");
      const of = async (uid: number) => {
        const { emailId, threadId } = await inbox.gist(uid);
        return { emailId, threadId };
      };
      const [reply, first, other] = [await of(1), await of(2), await of(3)];
      expect(reply.threadId).toBe(first.threadId);
      expect(new Set([reply.emailId, first.emailId, other.emailId]).size).toBe(3);
      expect(other.threadId).not.toBe(first.threadId);
      await inbox.copy([1], "Target");
      await inbox.move([2], "Target");
      const target = await mail.open("Target");
      for (const [uid, ids] of [
        [1, reply],
        [2, first],
      ] as const) {
        expect(await target.gist(uid)).toMatchObject(ids);
      }
      await inbox.close();
      await target.close();
    });
  });

export const saveDateTests = (makeStore: MakeStore): void =>
  area("save dates", makeStore, (use) => {
    it("are those of this mailbox, or not known at all", async () => {
      const { mail } = use();
      await mail.create("Target");
      const internalDate = Date.UTC(2001, 1, 1);
      await mail.append("INBOX", [message("a", { internalDate })]);
      const inbox = await mail.open("INBOX");
      await inbox.copy([1], "Target");
      const target = await mail.open("Target");
      for (const mailbox of [inbox, target]) {
        const { saveDate, internalDate: kept } = entryOf(mailbox.snapshot, 1);
        expect(kept).toBe(internalDate);
        if (saveDate !== null) expect(Math.abs(saveDate - Date.now())).toBeLessThan(600_000);
        expect(await bytesOf(mailbox, 1)).toEqual(text("a"));
      }
      await inbox.close();
      await target.close();
    });
  });
