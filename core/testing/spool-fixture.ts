/** What the spool's tests share: a directory, envelopes, messages, a log that remembers. */
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { Message } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { Spool, SpoolEnvelope, SpoolOutcome } from "../contracts/spool.ts";
import { createMessage, type StoredMessage } from "../kernel/message.ts";
import { isMissing } from "../spool/errors.ts";
import type { SpoolFiles } from "../spool/files.ts";
import type { SpoolLimits } from "../spool/limits.ts";
import { openSpool } from "../spool/open-spool.ts";

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  const results: PromiseSettledResult<unknown>[] = [];
  for (const close of closing.splice(0).reverse()) results.push(...(await Promise.allSettled([close()])));
  for (const result of results) if (result.status === "rejected") throw result.reason;
});

export const onCleanUp = (work: () => Promise<unknown>): void => void closing.push(work);

export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postern-spool-"));
  onCleanUp(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** What is on the disk at this moment: what `kill -9` would leave. */
export async function snapshotOf(directory: string): Promise<string> {
  for (;;) {
    const copy = join(await freshDirectory(), "spool");
    try {
      const before = await namesIn(directory);
      await cp(directory, copy, { recursive: true });
      // No moment at all if something was renamed meanwhile.
      if ((await namesIn(directory)) === before) return copy;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

const namesIn = async (directory: string): Promise<string> =>
  (await readdir(directory, { recursive: true })).sort().join("\n");

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly text: string;
}

export function rememberingLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine["level"]) => (fields: object, text: string) => void lines.push({ level, fields, text });
  const log = { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return log;
}

/** Small enough that a test fills a segment. */
export const smallLimits: Partial<SpoolLimits> = {
  segmentBytes: 64 * 1024,
  maxSegments: 2,
  minFreeBytes: 0,
  cacheBytes: 0,
};

export interface OpenHow {
  readonly limits?: Partial<SpoolLimits>;
  readonly files?: SpoolFiles;
  readonly log?: Log;
  readonly now?: () => number;
}

export async function openIn(dir: string, how: OpenHow = {}): Promise<Spool> {
  const spool = await openSpool({
    dir,
    log: how.log ?? rememberingLog(),
    clock: { now: how.now ?? Date.now },
    limits: { ...smallLimits, ...how.limits },
    ...(how.files ? { files: how.files } : {}),
  });
  onCleanUp(() => spool.close());
  return spool;
}

export function envelopeOf(id: string, change: Partial<SpoolEnvelope> = {}): SpoolEnvelope {
  return {
    id,
    origin: "smtp",
    session: null,
    reversePath: "sender@example.org",
    recipients: [{ id: 1, address: "user@example.test", orcpt: null, notify: [], parents: [] }],
    body: "7bit",
    isSmtpUtf8: false,
    requiresTls: false,
    ret: null,
    envid: null,
    labels: {},
    acceptedAt: 1_700_000_000_000,
    hold: null,
    route: null,
    ...change,
  };
}

export const messageOf = (text: string): StoredMessage => {
  const end = text.indexOf("\r\n\r\n") + 4;
  return createMessage(Buffer.from(text.slice(0, end)), [Buffer.from(text.slice(end))]);
};

export const textFor = (id: string, bodyBytes = 40): string => `Subject: ${id}\r\n\r\n${id.padEnd(bodyBytes, ".")}\r\n`;

export const acceptOne = (spool: Spool, id: string, bodyBytes = 40): Promise<void> =>
  spool.accept(envelopeOf(id), messageOf(textFor(id, bodyBytes)));

export async function contentOf(message: Message): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of message.content() as AsyncIterable<Uint8Array>) pieces.push(piece);
  return Buffer.concat(pieces).toString("latin1");
}

/** Ids in the order told. */
export async function recoveredIds(spool: Spool, until = Number.POSITIVE_INFINITY): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of spool.recovered(until)) ids.push(id);
  return ids;
}

export const delivered: SpoolOutcome = {
  at: "delivered",
  reply: { code: 250, status: "2.0.0", text: "OK", host: null },
};
