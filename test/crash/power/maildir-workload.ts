/**
 * From 250 to the mailbox: messages are accepted by a spool, filed into Maildirs that nobody has made yet, settled and removed, all on one
 * recorded disk. After a cut every message that was confirmed is in the spool, still to be tried, or whole in its Maildir; no file in
 * `new/` or `cur/` is ever torn; and a message that is handed over again is there once.
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SpoolOutcome } from "../../../core/contracts/spool.ts";
import { createMessage } from "../../../core/kernel/message.ts";
import { MaildirStore } from "../../../plugins/store-maildir/store.ts";
import type { Workload } from "./cutting.ts";
import { imageOf } from "./image.ts";
import { recordedFiles } from "./recorded-files.ts";
import { recordFs } from "./recorded-fs.ts";
import { Recording } from "./recording.ts";
import { brokenOnce, listeningLog, openAfterCrash } from "./spool-check.ts";
import { SpoolPromises } from "./spool-promises.ts";
import { envelopeFor } from "./spool-workload.ts";

const delivered: SpoolOutcome = {
  at: "delivered",
  reply: { code: 250, status: "2.0.0", text: "filed", host: null },
};
const users = 3;
const userOf = (id: string): string => `user${Number(id.slice(1)) % users}`;
const homeOf = (directory: string, user: string): string => join(directory, "mail/example.org", user);

const storeFor = (): MaildirStore =>
  new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: {},
    maxWatches: 0,
    checkEvery: 60_000,
    log: listeningLog(),
    clock: Date,
    notifier: null,
  });

type Handing = { readonly id: string; readonly text: string; readonly isFirstTry: boolean };

async function hand(store: MaildirStore, directory: string, { id, text, isFirstTry }: Handing): Promise<void> {
  const mail = await store.of({
    login: userOf(id),
    addresses: [],
    home: homeOf(directory, userOf(id)),
    quotaBytes: null,
  });
  await mail.deliver("INBOX", { content: [Buffer.from(text)], deliveryId: `${id}.1`, isFirstTry });
}

export const maildirWorkload = ({ lanes, steps }: { readonly lanes: number; readonly steps: number }): Workload => ({
  name: "maildir",
  async record(directory, random) {
    mkdirSync(join(directory, "mail"), { recursive: true });
    for (const room of ["", "journal", "deferred", "incoming", "bodies", "damaged"])
      mkdirSync(join(directory, "spool", room));
    const recording = new Recording(directory, imageOf(directory));
    const promises = new SpoolPromises(() => recording.mark());
    const files = recordedFiles(recording);
    const seam = recordFs(recording);
    const store = storeFor();
    try {
      const spool = await openAfterCrash(join(directory, "spool"), listeningLog(), files);
      for await (const _ of spool.recovered(Number.POSITIVE_INFINITY));
      let count = 0;
      const lane = async () => {
        for (let step = 0; step < steps; step += 1) {
          const id = `m${++count}`;
          const header = `Subject: ${id}\r\n\r\n`;
          const body = `${`${id} `.repeat(random.below(900))}end\r\n`;
          const text = header + body;
          const message = createMessage(Buffer.from(header), [Buffer.from(body)]);
          await promises.accept({ id, text, recipients: 1 }, () => spool.accept(envelopeFor(id, 1), message));
          await hand(store, directory, { id, text, isFirstTry: true });
          await promises.settle(id, 1, delivered, () => spool.settle(id, 1, delivered));
          await promises.remove(id, () => spool.remove(id));
        }
      };
      await Promise.all(Array.from({ length: lanes }, lane));
      await spool.close();
    } finally {
      store.stop();
      seam.restore();
    }
    return { recording, check: (state, at) => brokenFiling(state, promises, at) };
  },
});

/** What stands in the Maildirs, by text. */
function filed(directory: string): Map<string, number> {
  const found = new Map<string, number>();
  for (let user = 0; user < users; user += 1) {
    for (const part of ["new", "cur"]) {
      const path = join(homeOf(directory, `user${user}`), "Maildir", part);
      for (const name of namesIn(path)) {
        const text = readFileSync(join(path, name), "latin1");
        found.set(text, (found.get(text) ?? 0) + 1);
      }
    }
  }
  return found;
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function brokenFiling(directory: string, promises: SpoolPromises, at: number): Promise<string | null> {
  const ofSpool = await brokenOnce(join(directory, "spool"), promises, at);
  if (ofSpool !== null) return ofSpool;
  const texts = new Set([...promises.messages.values()].map(({ text }) => text));
  for (const text of filed(directory).keys())
    if (!texts.has(text))
      return `a message of ${text.length} octets that nobody sent: ${JSON.stringify(text.slice(0, 60))}`;
  await tryAgain(directory);
  const found = filed(directory);
  for (const message of promises.messages.values()) {
    const count = found.get(message.text) ?? 0;
    const isConfirmed = message.accepted.isConfirmed && message.accepted.ended <= at;
    if (isConfirmed && count === 0) return `${message.id} is neither in the spool nor in its Maildir`;
    if (count > 1) return `${message.id} is in its Maildir ${count} times`;
  }
  return null;
}

/** As the queue does after a start: whoever has no outcome is tried. */
async function tryAgain(directory: string): Promise<void> {
  const spool = await openAfterCrash(join(directory, "spool"), listeningLog());
  const store = storeFor();
  try {
    for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) {
      const entry = await spool.read(id);
      if (!entry || entry.state.outcomes[1]) continue;
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.message.content() as AsyncIterable<Uint8Array>) pieces.push(piece);
      await hand(store, directory, { id, text: Buffer.concat(pieces).toString("latin1"), isFirstTry: false });
    }
  } finally {
    store.stop();
    await spool.close();
  }
}
