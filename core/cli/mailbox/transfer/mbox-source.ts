/**
 * mbox files as a source: one file is one folder, a directory has one for each file in it. They are read by the rules of mailboxes that are
 * kept so, and never changed. A file that grows meanwhile is read up to where it was.
 */
import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { MboxDecoder } from "../../../mailbox-files/mbox/decode.ts";
import { parseFromLine } from "../../../mailbox-files/mbox/from-line.ts";
import type { MessagePlace } from "../../../mailbox-files/mbox/place.ts";
import { NoMbox, scanMbox } from "../../../mailbox-files/mbox/scan.ts";
import { CommandError } from "../../command-error.ts";
import { withoutMozilla } from "./mozilla-fields.ts";
import type { OpenSource, Source, SourceMessage } from "./source.ts";

export async function mboxSource(path: string): Promise<Source> {
  const place = await stat(path).catch((cause: unknown) => {
    throw new CommandError(`${path} cannot be read`, exitCodes.dataError, { cause });
  });
  const files = place.isDirectory() ? await filesBelow(path) : new Map([[nameOf(basename(path)), path]]);
  return {
    id: `mbox:${path}`,
    async close() {},
    folders: async () => [...files.keys()].map((name) => ({ name, specialUse: null, isSubscribed: false })),
    async open(name) {
      const file = files.get(name);
      if (file === undefined) throw new Error(`there is no file of ${name}`);
      return openMbox(file);
    },
  };
}

/** `Sent.mbox`, `inbox`; Thunderbird's indexes and hidden files are none. */
async function filesBelow(root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const parts = relative(root, path).split(sep);
    if (!entry.isFile() || parts.some((part) => part.startsWith(".")) || /\.(?:msf|dat|lock)$/.test(entry.name))
      continue;
    if (!(await isMbox(path))) continue;
    files.set(parts.map((part) => nameOf(part.replace(/\.sbd$/, ""))).join("/"), path);
  }
  return files;
}

/** What is quoted more than once shows that all was quoted; what is quoted once is the same in both ways. */
const QUOTING = "mboxrd";

const nameOf = (file: string): string => {
  const name = file.replace(/\.mbox$/i, "");
  return /^inbox$/i.test(name) ? "INBOX" : name;
};

async function isMbox(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
    const [line = ""] = buffer
      .toString("latin1", 0, bytesRead)
      .replace(/^(?:\r?\n)+/, "")
      .split("\n", 1);
    return bytesRead === 0 || parseFromLine(line.trimEnd()) !== null;
  } finally {
    await file.close();
  }
}

async function openMbox(path: string): Promise<OpenSource> {
  const file = await open(path);
  try {
    return await listed(file);
  } catch (cause) {
    await file.close();
    if (!(cause instanceof NoMbox)) throw cause;
    throw new CommandError(`${path} is no mbox file: it does not begin with a From_ line`, exitCodes.dataError);
  }
}

async function listed(file: FileHandle): Promise<OpenSource> {
  const places = new Map<string, MessagePlace>();
  const messages: SourceMessage[] = [];
  const seen = new Map<string, number>();
  const { size } = await file.stat();
  let isFirst = true;
  for await (const { place, facts, internalDate } of scanMbox(file.fd, { from: 0, to: size, quoting: QUOTING })) {
    // What other programs keep there in the place of a first message.
    const isPseudo = isFirst && facts.isPseudo;
    isFirst = false;
    if (isPseudo) continue;
    const { content, flags } = await messageAt(file, place);
    const digest = digestOf(content);
    const count = (seen.get(digest) ?? 0) + 1;
    seen.set(digest, count);
    const key = `${digest}.${count}`;
    places.set(key, place);
    messages.push({
      ...{ key, uid: null, internalDate, sizeBytes: content.length },
      flags: [...new Set([...facts.flags, ...flags])],
    });
  }
  return {
    uidValidity: null,
    uidNext: null,
    messages,
    async read(wanted) {
      const contents = new Map<string, Buffer>();
      for (const { key } of wanted) {
        const place = places.get(key);
        const content = place && (await messageAt(file, place)).content;
        // Another program has written the file anew meanwhile: the next run reads it again.
        if (content && key.startsWith(digestOf(content))) contents.set(key, content);
      }
      return contents;
    },
    close: () => file.close(),
  };
}

const digestOf = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

async function messageAt(file: FileHandle, place: MessagePlace): Promise<ReturnType<typeof withoutMozilla>> {
  const bytes = Buffer.alloc(place.end - place.header);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, place.start + place.header);
  const decoder = new MboxDecoder(place, QUOTING);
  return withoutMozilla(Buffer.concat([decoder.write(bytes.subarray(0, bytesRead)), decoder.end()]));
}
