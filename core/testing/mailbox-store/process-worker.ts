/**
 * A process of its own that works on a mailbox until it is killed: its argument is a `WorkOrder` in JSON. Each finished step is one line
 * of JSON on standard output; what is not said may or may not have happened.
 */
import { writeSync } from "node:fs";
import type { MailboxIndex } from "../../contracts/mailbox-index.ts";
import type { AccountMailboxes, Mailbox, MailboxStore } from "../../contracts/mailbox-store.ts";
import { mailboxIndexAt } from "../temporary-mailbox-index.ts";
import type { Said, Work, WorkOrder } from "./other-process.ts";
import { longMessage } from "./rig.ts";

const say = (said: Said): void => {
  // Synchronous: a line that was written is out before the next step begins.
  writeSync(1, `${JSON.stringify(said)}\n`);
};

interface Place {
  readonly mail: AccountMailboxes;
  readonly inbox: Mailbox;
  readonly tag: string;
}

const works: Readonly<Record<Work, (place: Place, step: number) => Promise<void>>> = {
  async append({ mail, tag }, step) {
    const subjects = [`${tag}a${step}`, `${tag}b${step}`];
    const { uids } = await mail.append("INBOX", subjects.map(longMessage));
    for (const [index, subject] of subjects.entries()) say({ subject, uid: uids[index] ?? 0 });
  },
  async deliver({ mail, tag }, step) {
    const subject = `${tag}d${step}`;
    await mail.deliver("INBOX", { ...longMessage(subject), deliveryId: subject });
    say({ subject, uid: 0 });
  },
  async copy({ inbox }, step) {
    const snapshot = await inbox.sync();
    const { uids } = await inbox.copy([snapshot.at(step % snapshot.size).uid, snapshot.at(0).uid], "Other");
    for (const { to } of uids) say({ subject: "copied", uid: to });
  },
  async move({ inbox }) {
    const snapshot = await inbox.sync();
    if (snapshot.size < 3) return;
    const some = [0, 1, 2].map((index) => snapshot.at(index).uid);
    const { uids } = await inbox.move(some, "Other");
    for (const { to } of uids) say({ subject: "moved", uid: to });
  },
  async expunge({ inbox }) {
    const snapshot = await inbox.sync();
    const all = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
    const even = all.filter((uid) => uid % 2 === 0);
    await inbox.store(even.slice(0, 4), { mode: "add", flags: ["\\Deleted"] });
    for (const uid of await inbox.expunge(null)) say({ subject: "expunged", uid });
  },
  async flags({ inbox }, step) {
    const snapshot = await inbox.sync();
    const uid = snapshot.at((step * 3) % snapshot.size).uid;
    await inbox.store([uid, uid + 1, uid + 2], { mode: "add", flags: ["\\Flagged", "Word"] });
    say({ subject: "flagged", uid });
  },
  async manyFlags({ inbox }, step) {
    const snapshot = await inbox.sync();
    const all = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
    await inbox.store(all, { mode: "replace", flags: [`w${step % 20}`] });
    say({ subject: "changed", uid: step });
  },
  /** Long ones: a store that keeps them with the message may have to make room. */
  async keywords({ inbox, tag }, step) {
    const snapshot = await inbox.sync();
    const { uid } = snapshot.at((step * 7) % snapshot.size);
    const mode = step % 3 === 2 ? "remove" : "add";
    await inbox.store([uid], { mode, flags: [`${tag}${"k".repeat(60)}${step % 5}`] });
    say({ subject: "changed", uid });
  },
  async rename({ mail }, step) {
    const names = ["Here", "There/Below"] as const;
    const [from, to] = step % 2 === 0 ? names : ([names[1], names[0]] as const);
    await mail.rename(from, to);
    say({ subject: to, uid: step });
  },
};

const order = JSON.parse(process.argv[2] ?? "") as WorkOrder;
const index = order.indexDirectory === null ? null : mailboxIndexAt(order.indexDirectory);
const { openStore } = (await import(order.module)) as {
  openStore(config: unknown, index: MailboxIndex | null): Promise<MailboxStore>;
};
const mail = await (await openStore(order.config, index)).of(order.account);
const inbox = await mail.open("INBOX");
say({ subject: "ready", uid: 0 });
for (let step = 0; ; step++) await works[order.work]({ mail, inbox, tag: order.tag }, step);
