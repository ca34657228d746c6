/** mbox files as a source: one file is one folder, a directory has one for each file in it. A file that grows meanwhile is read up to where it was. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";
import { dateOfFromLine, isFromLine, readMessage } from "./mbox-format.ts";
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

const nameOf = (file: string): string => {
  const name = file.replace(/\.mbox$/i, "");
  return /^inbox$/i.test(name) ? "INBOX" : name;
};

async function isMbox(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
    return bytesRead === 0 || isFromLine(buffer.toString("latin1", 0, bytesRead).split("\n")[0] ?? "");
  } finally {
    await file.close();
  }
}

interface Span {
  /** Behind the From_ line. */
  readonly start: number;
  readonly end: number;
  readonly dateMs: number | null;
}

async function openMbox(path: string): Promise<OpenSource> {
  const spans = await spansOf(path);
  const file = await open(path);
  const byKey = new Map<string, Span>();
  const messages: SourceMessage[] = [];
  const seen = new Map<string, number>();
  for (const span of spans) {
    const { content, flags, isInternal } = readMessage(await bytesOf(file, span));
    if (isInternal) continue;
    const digest = createHash("sha256").update(content).digest("hex");
    const count = (seen.get(digest) ?? 0) + 1;
    seen.set(digest, count);
    const key = `${digest}.${count}`;
    byKey.set(key, span);
    messages.push({ key, uid: null, flags, internalDate: span.dateMs, sizeBytes: content.length });
  }
  return {
    uidValidity: null,
    uidNext: null,
    messages,
    async read(wanted) {
      const contents = new Map<string, Buffer>();
      for (const { key } of wanted) {
        const span = byKey.get(key);
        const content = span && readMessage(await bytesOf(file, span)).content;
        // Another program has written the file anew meanwhile: the next run reads it again.
        const isSame = content && key.startsWith(createHash("sha256").update(content).digest("hex"));
        if (content && isSame) contents.set(key, content);
      }
      return contents;
    },
    close: () => file.close(),
  };
}

async function bytesOf(file: FileHandle, { start, end }: Span): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.subarray(0, bytesRead);
}

/** Where messages begin and end; the file is read once, in pieces. */
async function spansOf(path: string): Promise<readonly Span[]> {
  const spans: Span[] = [];
  let current: { start: number; dateMs: number | null } | null = null;
  let at = 0;
  let rest: Buffer = Buffer.alloc(0);
  let isBehindEmpty = true;
  const take = (line: Buffer): void => {
    if (isBehindEmpty && line.length > 10 && line.toString("latin1", 0, 5) === "From ") {
      const text = line.toString("latin1", 0, 400);
      if (isFromLine(text)) {
        if (current) spans.push({ ...current, end: at });
        current = { start: at + line.length, dateMs: dateOfFromLine(text) };
      }
    }
    isBehindEmpty = line.length === 1 || (line.length === 2 && line[0] === 13);
    at += line.length;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      take(bytes.subarray(from, end + 1));
      from = end + 1;
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) take(rest);
  if (current) spans.push({ ...(current as { start: number; dateMs: number | null }), end: at });
  else if (at > 0)
    throw new CommandError(`${path} is no mbox file: it does not begin with "From "`, exitCodes.dataError);
  return spans;
}
