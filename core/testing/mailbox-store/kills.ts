/** Processes that are killed in the middle of their work: what they said has happened, has; nothing is half, lost or double. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { AccountMailboxes, Mailbox } from "../../contracts/mailbox-store.ts";
import { type Area, area } from "./area.ts";
import { type Copy, visit } from "./clients.ts";
import { OtherProcess, type Said, type Work } from "./other-process.ts";
import { flagsOf, longMessage, type MakeStore, uidsOf } from "./rig.ts";

/** Every round starts a process, which takes its time on a busy machine. */
const ROUNDS = 2;
const PATIENCE_MS = 300_000;
const several = (count: number) => Array.from({ length: count }, (_, index) => `m${index + 1}`);

/** Subjects by UID. Every message must be whole. */
async function contents(mail: AccountMailboxes, name: string): Promise<ReadonlyMap<number, string>> {
  const mailbox = await mail.open(name);
  const subjects = new Map<number, string>();
  for (const uid of uidsOf(mailbox.snapshot)) {
    const bytes = (await mailbox.bytes(uid, 1_000_000)) ?? Buffer.alloc(0);
    const subject = /^Subject: (.*)\r\n/.exec(bytes.toString())?.[1] ?? "none";
    expect(bytes).toEqual(longMessage(subject).content[0]);
    subjects.set(uid, subject);
  }
  await mailbox.close();
  return subjects;
}

/** What changed means something to a client only where processes agree on it. */
const comeBack = async ({ underTest }: Area, inbox: Mailbox, copy: Copy): Promise<void> => {
  if (underTest.sharesModseqs !== false) await visit(inbox, copy);
};

export const killTests = (makeStore: MakeStore): void =>
  area("processes that are killed", makeStore, (use) => {
    let running: OtherProcess[] = [];
    beforeEach(({ skip }) => {
      if (!use().underTest.elsewhere) skip("the store is not said to be had by processes of their own");
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((other) => other.kill()));
      running = [];
    });

    const start = async ({ underTest, account }: Area, work: Work, tag: string): Promise<OtherProcess> => {
      if (!underTest.elsewhere) throw new Error("no processes of its own");
      const other = new OtherProcess({ ...underTest.elsewhere, account, work, tag });
      running.push(other);
      await other.ready;
      return other;
    };

    /**
     * Lets processes work until they have said something, and kills each at a moment that differs; then `check` sees the mail as another
     * process has it. A client that knew INBOX before knows it afterwards by what changed.
     */
    const rounds = async (work: Work, check: (mail: AccountMailboxes, said: readonly Said[]) => Promise<void>) => {
      const place = use();
      const copy: Copy = { modseq: 0, flags: new Map() };
      for (let round = 0; round < ROUNDS; round++) {
        const other = await start(place, work, `r${round}`);
        await other.saidTimes(3 + round * 5);
        for (let turns = Math.random() * 40; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
        const said = await other.kill();
        running = running.filter((one) => one !== other);
        const mail = await place.other();
        await check(mail, said);
        const inbox = await mail.open("INBOX");
        await comeBack(place, inbox, copy);
        await inbox.close();
      }
    };

    it(
      "in the middle of appending leave whole messages, and UIDs that mean what they said",
      async () => {
        const meaning = new Map<number, string>();
        await rounds("append", async (mail, said) => {
          for (const { subject, uid } of said) meaning.set(uid, subject);
          const found = await contents(mail, "INBOX");
          for (const [uid, subject] of meaning) expect([uid, found.get(uid)]).toEqual([uid, subject]);
          expect(new Set(found.values()).size).toBe(found.size);
          for (const [uid, subject] of found) meaning.set(uid, subject);
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of delivering leave each message that they delivered, once, also when it is handed over again",
      async () => {
        const delivered = new Set<string>();
        await rounds("deliver", async (mail, said) => {
          for (const { subject } of said) delivered.add(subject);
          for (const subject of (await contents(mail, "INBOX")).values()) delivered.add(subject);
          for (const subject of delivered)
            await mail.deliver("INBOX", { ...longMessage(subject), deliveryId: subject });
          expect([...(await contents(mail, "INBOX")).values()].sort()).toEqual([...delivered].sort());
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of copying leave the source as it was, and whole copies",
      async () => {
        const { mail } = use();
        await mail.create("Other");
        await mail.append("INBOX", several(20).map(longMessage));
        await rounds("copy", async (seen, said) => {
          expect([...(await contents(seen, "INBOX")).values()]).toEqual(several(20));
          const copies = await contents(seen, "Other");
          for (const { uid } of said) expect(copies.has(uid)).toBe(true);
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of moving leave every message in at least one of the two mailboxes",
      async () => {
        const { mail } = use();
        await mail.create("Other");
        await mail.append("INBOX", several(120).map(longMessage));
        await rounds("move", async (seen, said) => {
          const moved = await contents(seen, "Other");
          for (const { uid } of said) expect(moved.has(uid)).toBe(true);
          const all = [...(await contents(seen, "INBOX")).values(), ...moved.values()];
          expect([...new Set(all)].sort()).toEqual(several(120).sort());
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of expunging have removed nothing but what was to go",
      async () => {
        await use().mail.append("INBOX", several(100).map(longMessage));
        const gone = new Set<number>();
        await rounds("expunge", async (seen, said) => {
          for (const { uid } of said) gone.add(uid);
          const found = await contents(seen, "INBOX");
          for (let uid = 1; uid <= 100; uid += 2) expect(found.get(uid)).toBe(`m${uid}`);
          for (const uid of gone) expect(found.has(uid)).toBe(false);
          for (const [uid, subject] of found) expect(subject).toBe(`m${uid}`);
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of changing flags lose no message, no flag, and none that they said",
      async () => {
        const { mail } = use();
        await mail.append(
          "INBOX",
          several(60).map((subject) => ({ ...longMessage(subject), flags: ["\\Seen"] })),
        );
        await rounds("flags", async (seen, said) => {
          expect([...(await contents(seen, "INBOX")).values()]).toEqual(several(60));
          const inbox = await seen.open("INBOX");
          const flagged = new Set(said.flatMap(({ uid }) => [uid, uid + 1, uid + 2]));
          for (const uid of uidsOf(inbox.snapshot)) {
            const flags = flagsOf(inbox.snapshot, uid);
            expect(flags).toContain("\\Seen");
            if (flagged.has(uid)) expect(flags).toEqual(["Word", "\\Flagged", "\\Seen"]);
          }
          await inbox.close();
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of changing the flags of very many lose none that they said",
      async () => {
        const { mail } = use();
        await mail.append("INBOX", several(300).map(longMessage));
        await rounds("manyFlags", async (seen, said) => {
          const last = said.at(-1)?.uid ?? 0;
          const inbox = await seen.open("INBOX");
          expect(uidsOf(inbox.snapshot)).toHaveLength(300);
          // What was said last, or what came next.
          const allowed = [last, last + 1].map((step) => `w${step % 20}`);
          for (const uid of uidsOf(inbox.snapshot)) {
            const flags = flagsOf(inbox.snapshot, uid);
            expect([flags.length, allowed]).toEqual([1, expect.arrayContaining([...flags])]);
          }
          await inbox.close();
        });
      },
      PATIENCE_MS,
    );

    it(
      "in the middle of renaming leave a mailbox under one name, with all it had",
      async () => {
        const { mail } = use();
        await mail.create("Here");
        await mail.append("Here", several(10).map(longMessage));
        await mail.subscribe("Here");
        const { uidValidity } = await mail.status("Here");
        await rounds("rename", async (seen) => {
          const names = (await seen.list()).filter(({ isSelectable }) => isSelectable).map(({ name }) => name);
          const left = names.filter((name) => name === "Here" || name === "There/Below");
          expect(left).toHaveLength(1);
          const [name = ""] = left;
          expect([...(await contents(seen, name)).values()]).toEqual(several(10));
          expect((await seen.status(name)).uidValidity).toBe(uidValidity);
          // The next process begins where this one began.
          if (name !== "Here") await seen.rename(name, "Here");
          const { messages } = await seen.status("Here");
          expect(messages).toBe(10);
        });
      },
      PATIENCE_MS,
    );

    it(
      "and those that work at the same time agree on every UID, and on what changed",
      async () => {
        const place = use();
        const { mail } = place;
        const inbox = await mail.open("INBOX");
        const copy: Copy = { modseq: 0, flags: new Map() };
        const works = ["append", "append", "deliver"] as const;
        const others = await Promise.all(works.map((work, index) => start(place, work, `p${index}`)));
        const meaning = new Map<number, string>();
        let isBusy = true;
        const busy = Promise.all(others.map((other) => other.saidTimes(20))).then(() => {
          isBusy = false;
        });
        while (isBusy) {
          const subject = `own${meaning.size}`;
          const { uids } = await mail.append("INBOX", [longMessage(subject)]);
          meaning.set(uids[0] ?? 0, subject);
          await inbox.sync();
          await inbox.store(uids, { mode: "add", flags: ["\\Seen"] });
          await comeBack(place, inbox, copy);
        }
        await busy;
        for (const [index, other] of others.entries()) {
          for (const { subject, uid } of await other.kill()) if (index < 2) meaning.set(uid, subject);
        }
        running = [];
        const live = await inbox.sync();
        const fresh = await contents(await place.other(), "INBOX");
        expect(uidsOf(live)).toEqual([...fresh.keys()]);
        const uidNow = new Map([...fresh].map(([uid, subject]) => [subject, uid]));
        for (const [uid, subject] of meaning) {
          expect([uid, fresh.get(uid)], `${subject} has UID ${uidNow.get(subject)} now`).toEqual([uid, subject]);
        }
        expect(new Set(fresh.values()).size).toBe(fresh.size);
        await comeBack(place, inbox, copy);
        await inbox.close();
      },
      PATIENCE_MS,
    );
  });
