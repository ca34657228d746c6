/**
 * A store in a process of its own, perhaps of another user, that does what it is told: one JSON text a line on standard input, one answer a
 * line on standard output. Started by `remote-store.ts`.
 */
import { createInterface } from "node:readline";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import type { MaildirStoreOptions } from "../store.ts";
import type { Ask, Seen } from "./remote-store.ts";
import { storeWith } from "./store-in.ts";

let store = storeWith();
let mail: AccountMailboxes | null = null;
const opened = new Map<string, Mailbox>();

function account(): AccountMailboxes {
  if (!mail) throw new Error("no account yet");
  return mail;
}

async function mailbox(name: string): Promise<Mailbox> {
  const known = opened.get(name);
  if (known) return known;
  const made = await account().open(name);
  opened.set(name, made);
  return made;
}

async function use(home: string, options: Partial<MaildirStoreOptions>): Promise<void> {
  for (const one of opened.values()) await one.close();
  opened.clear();
  store.stop();
  store = storeWith(options);
  mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
}

async function seen(name: string): Promise<Seen> {
  const box = await mailbox(name);
  const snapshot = await box.sync();
  const messages = [];
  for (let index = 0; index < snapshot.size; index++) {
    const { uid, flags, sizeBytes } = snapshot.at(index);
    const text = await box.bytes(uid, 1_000_000);
    messages.push({
      uid,
      flags: [...flags].sort(),
      sizeBytes,
      subject: /^Subject: (.*)\r$/m.exec(String(text))?.[1] ?? "",
    });
  }
  return { uidValidity: box.uidValidity, uidNext: snapshot.uidNext, messages };
}

const content = (subject: string) => [Buffer.from(`Subject: ${subject}\r\n\r\nText of ${subject}.\r\n`)];

async function answer(ask: Ask): Promise<unknown> {
  switch (ask.do) {
    case "use":
      return use(ask.home, ask.options);
    case "seen":
      return seen(ask.box);
    case "append":
      return account().append(
        ask.box,
        ask.subjects.map((subject) => ({ content: content(subject), flags: ask.flags })),
      );
    case "deliver":
      return account().deliver(ask.box, { content: content(ask.subject) });
    case "flag": {
      const box = await mailbox(ask.box);
      await box.sync();
      return box.store(ask.uids, { mode: ask.mode, flags: ask.flags });
    }
    case "expunge": {
      const box = await mailbox(ask.box);
      await box.sync();
      return box.expunge(ask.uids);
    }
    case "copy":
    case "move": {
      const box = await mailbox(ask.box);
      await box.sync();
      return ask.do === "copy" ? box.copy(ask.uids, ask.to) : box.move(ask.uids, ask.to);
    }
    case "close": {
      await opened.get(ask.box)?.close();
      return opened.delete(ask.box);
    }
    case "create":
      return account().create(ask.box);
    case "delete":
      return account().delete(ask.box);
    case "rename":
      return account().rename(ask.box, ask.to);
    case "subscribe":
      return ask.isSubscribed ? account().subscribe(ask.box) : account().unsubscribe(ask.box);
    case "list":
      return (await account().list()).map(({ name, isSubscribed }) => ({ name, isSubscribed }));
    case "uniqueIds": {
      const box = await mailbox("INBOX");
      const snapshot = await box.sync();
      const ids = await account().uniqueIds(box);
      return Array.from({ length: snapshot.size }, (_, index) => ids.get(snapshot.at(index).uid) ?? null);
    }
  }
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`${JSON.stringify({ value: (await answer(JSON.parse(line))) ?? null })}\n`);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    process.stdout.write(`${JSON.stringify({ code: code ?? "fault", text: String(cause) })}\n`);
  }
}
