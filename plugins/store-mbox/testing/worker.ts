/**
 * A process of its own that works on mboxes until it is killed: `worker.ts HOME WORK TAG`. Each finished step is one line of JSON on
 * standard output; what is not said may or may not have happened.
 */
import { writeSync } from "node:fs";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { MboxStore } from "../store.ts";
import { locksHere } from "./locks-here.ts";
import { quietLog } from "./quiet-log.ts";

const [home = "", work = "", tag = ""] = process.argv.slice(2);

const bodyOf = (subject: string): string => `${`line of ${subject}\r\n`.repeat(200)}end of ${subject}\r\n`;
const message = (subject: string) => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\n${bodyOf(subject)}`)] });

const say = (what: object): void => {
  // Synchronous: a line that was written is out before the next step begins.
  writeSync(1, `${JSON.stringify(what)}\n`);
};

type Work = (mail: AccountMailboxes, inbox: Mailbox, step: number) => Promise<void>;

const works: Readonly<Record<string, Work>> = {
  async append(mail, _, step) {
    const subjects = [`${tag}a${step}`, `${tag}b${step}`];
    const { uids } = await mail.append("INBOX", subjects.map(message));
    for (const [index, subject] of subjects.entries()) say({ subject, uid: uids[index] });
  },
  async deliver(mail, _, step) {
    const subject = `${tag}d${step}`;
    await mail.deliver("INBOX", { ...message(subject), deliveryId: subject });
    say({ subject, uid: 0 });
  },
  async move(_, inbox) {
    const snapshot = await inbox.sync();
    if (snapshot.size < 3) return;
    const { uids } = await inbox.move(
      [0, 1, 2].map((index) => snapshot.at(index).uid),
      "Other",
    );
    for (const { to } of uids) say({ subject: "moved", uid: to });
  },
  async expunge(_, inbox) {
    const snapshot = await inbox.sync();
    const even = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid).filter(
      (uid) => uid % 2 === 0,
    );
    await inbox.store(even.slice(0, 4), { mode: "add", flags: ["\\Deleted", "Doomed"] });
    for (const uid of await inbox.expunge(null)) say({ subject: "expunged", uid });
  },
  /** Keywords that do not fit: headers grow, and all behind them moves. */
  async widen(_, inbox, step) {
    const snapshot = await inbox.sync();
    const { uid } = snapshot.at((step * 7) % snapshot.size);
    await inbox.store([uid], {
      mode: step % 3 === 2 ? "remove" : "add",
      flags: [`${tag}${"k".repeat(60)}${step % 5}`],
    });
    say({ subject: "widened", uid });
  },
};

const store = new MboxStore({
  ...{ path: "{home}/mail/", inbox: "{home}/inbox", configDir: "/", quoting: "mboxrd", locks: locksHere, mode: 0o600 },
  ...{ specialUse: {}, maxWatches: 0, checkEvery: 60_000, log: quietLog, clock: Date, notifier: null, quotas: null },
});
const mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
const inbox = await mail.open("INBOX");
const step = works[work];
if (!step) throw new Error(`no such work: ${work}`);
say({ subject: "ready", uid: 0 });
for (let count = 0; ; count++) await step(mail, inbox, count);
