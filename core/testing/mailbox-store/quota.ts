import { expect, it } from "vitest";
import { createQuotas } from "../../quota/quotas.ts";
import { silentLog } from "../kernel.ts";
import { area } from "./area.ts";
import { codeOf, type MakeStore, message, text, uidsOf } from "./rig.ts";

/** Some messages fit, then no more; Trash may hold a little beyond that, Junk is not counted. */
const MESSAGES = 4;
const quotas = createQuotas({
  options: {
    usual: { bytes: null, messages: MESSAGES },
    softPercent: 50,
    folders: new Map([
      ["Trash", { isIgnored: false, extra: { bytes: 0, messages: 1 } }],
      ["Junk", { isIgnored: true, extra: { bytes: 0, messages: 0 } }],
    ]),
    warnAtPercent: [],
    warnAgainAfterMs: 0,
    warningSubject: "",
    warningText: "",
    whenFull: "defer",
  },
  log: silentLog,
  clock: Date,
  warnings: null,
});

const several = (count: number) => Array.from({ length: count }, (_, index) => message(`m${index}`));

export const quotaTests = (makeStore: MakeStore): void =>
  area(
    "quota",
    () => makeStore({ quotas }),
    (use) => {
      it("takes in what fits and refuses what does not, all of it", async () => {
        const { mail } = use();
        await mail.append("INBOX", several(3));
        expect(await codeOf(mail.append("INBOX", several(2)))).toBe("overQuota");
        expect((await mail.status("INBOX")).messages).toBe(3);
        await mail.deliver("INBOX", message("last"));
        expect(await codeOf(mail.deliver("INBOX", message("one more")))).toBe("overQuota");
        expect((await mail.status("INBOX")).messages).toBe(4);
      });

      it("limits no mailbox that is not counted, whatever its name is written like", async () => {
        const { mail } = use();
        expect(await mail.quota({ of: "Junk" })).toBeNull();
        for (const name of ["inbox", "Trash", "Not made yet"])
          expect(await mail.quota({ of: name })).toMatchObject({ hard: { messages: MESSAGES } });
      });

      it("says what is kept: octets and messages, soft and hard", async () => {
        const { mail } = use();
        expect(await mail.quota()).toMatchObject({
          usage: { bytes: 0, messages: 0 },
          isOverSoft: false,
          isFull: false,
        });
        await mail.append("INBOX", several(3));
        expect(await mail.quota()).toMatchObject({
          usage: { bytes: 3 * text("m0").length, messages: 3 },
          hard: { bytes: null, messages: MESSAGES },
          soft: { bytes: null, messages: 2 },
          isOverSoft: true,
          isFull: false,
        });
      });

      it("counts what goes, by expunge, by deleting a mailbox, and what comes by copy", async () => {
        const { mail } = use();
        await mail.create("Other");
        await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] }), message("b")]);
        const inbox = await mail.open("INBOX");
        await inbox.copy(uidsOf(inbox.snapshot), "Other");
        expect((await mail.quota())?.usage.messages).toBe(4);
        expect(await codeOf(inbox.copy([2], "Other"))).toBe("overQuota");
        await inbox.expunge(null);
        expect((await mail.quota())?.usage.messages).toBe(3);
        await mail.delete("Other");
        expect((await mail.quota())?.usage).toEqual({ bytes: text("b").length, messages: 1 });
        await inbox.close();
      });

      it("lets messages move within the account however full it is", async () => {
        const { mail } = use();
        await mail.create("Other");
        await mail.append("INBOX", several(MESSAGES));
        const inbox = await mail.open("INBOX");
        await inbox.move(uidsOf(inbox.snapshot), "Other");
        expect((await mail.status("Other")).messages).toBe(MESSAGES);
        expect((await mail.quota())?.usage.messages).toBe(MESSAGES);
        await inbox.close();
      });

      it("has rules by folder: one that may hold more, one that is not counted", async () => {
        const { mail } = use();
        await mail.create("Trash");
        await mail.create("Junk");
        await mail.append("INBOX", several(MESSAGES));
        await mail.append("Trash", several(1));
        expect(await codeOf(mail.append("Trash", several(1)))).toBe("overQuota");
        await mail.append("Junk", several(10));
        expect((await mail.quota())?.usage.messages).toBe(MESSAGES + 1);
        const junk = await mail.open("Junk");
        expect(await codeOf(junk.move([1], "INBOX"))).toBe("overQuota");
        const trash = await mail.open("Trash");
        await trash.move(uidsOf(trash.snapshot), "Junk");
        expect((await mail.quota())?.usage.messages).toBe(MESSAGES);
        await junk.close();
        await trash.close();
      });

      it("takes in what the server itself has to say", async () => {
        const { mail } = use();
        await mail.append("INBOX", several(MESSAGES));
        await mail.deliver("INBOX", message("warning", { isBeyondQuota: true }));
        expect((await mail.status("INBOX")).messages).toBe(MESSAGES + 1);
      });

      it("is one for two processes", async () => {
        const { mail, other } = use();
        const theirs = await other();
        await mail.append("INBOX", several(2));
        await theirs.append("INBOX", several(2));
        expect(await codeOf(mail.append("INBOX", several(1)))).toBe("overQuota");
        expect(await codeOf(theirs.deliver("INBOX", message("x")))).toBe("overQuota");
        expect((await mail.quota())?.usage).toEqual((await theirs.quota())?.usage);
      });

      it("is counted anew when asked, and answers what is there", async () => {
        const { mail } = use();
        await mail.append("INBOX", several(2));
        const { usage } = await mail.quota({ recount: true });
        expect(usage).toEqual({ bytes: 2 * text("m0").length, messages: 2 });
      });
    },
  );
