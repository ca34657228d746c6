/** A mail server under measurement: where it listens, whose Maildir it fills, which processes it is. */
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { RelaySink } from "./relay-sink.ts";

export interface Peer {
  readonly name: string;
  readonly port: number;
  readonly recipient: string;
  /** What listens at `port` speaks LMTP. */
  readonly isLmtp?: boolean;
  /** `null`: what it delivers is thrown away. */
  readonly maildir: string | null;
  /** Where it relays everything to; left out: it delivers itself. */
  readonly relay?: RelaySink;
  /** Root of its process tree. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** One that has mailboxes: it takes LMTP at `port`, and shows them by POP3 and IMAP. Users are numbered from 1. */
export interface MailboxPeer extends Peer {
  readonly pop3Port: number;
  readonly imapPort: number;
  maildirOf(user: number): string;
  /** Owner of files in it; `null`: whoever runs this. */
  readonly mailUid: number | null;
  loginOf(user: number): string;
  addressOf(user: number): string;
}

export async function countMessages(maildir: string): Promise<number> {
  const names = await Promise.all(["new", "cur"].map((part) => readdir(join(maildir, part)).catch(() => [])));
  return names.flat().length;
}

/**
 * Puts what is there aside. Thousands of files that are removed at once would cost whoever makes new ones: ext4 steps over each inode that
 * was freed within the last seconds.
 */
export async function emptyMaildir(maildir: string): Promise<void> {
  const aside = `${maildir}-before`;
  await mkdir(aside, { recursive: true });
  for (const part of ["new", "cur", "tmp"]) {
    const names = await readdir(join(maildir, part)).catch(() => []);
    for (const name of names) await rename(join(maildir, part, name), join(aside, name));
  }
}

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly residentPages: number;
}

/** The process tree below `pid`, itself included (Linux). */
async function processesBelow(pid: number): Promise<readonly ProcessFacts[]> {
  const all = new Map<number, ProcessFacts>();
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => null);
    if (stat === null) continue;
    const fields = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    all.set(Number(name), {
      pid: Number(name),
      parent: fields[1] ?? 0,
      ticks: [11, 12, 13, 14].reduce((sum, at) => sum + (fields[at] ?? 0), 0),
      residentPages: fields[21] ?? 0,
    });
  }
  const isBelow = (start: number): boolean => {
    for (let at: number | undefined = start; at !== undefined && at > 0; at = all.get(at)?.parent) {
      if (at === pid) return true;
    }
    return false;
  };
  return [...all].filter(([start]) => isBelow(start)).map(([, facts]) => facts);
}

/** CPU seconds that they have used, children that have ended included. */
export async function cpuSeconds(pid: number): Promise<number> {
  const ticksPerSecond = 100;
  return (await processesBelow(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond;
}

/** What they have in memory; what they share counts for each. */
export async function memoryBytes(pid: number): Promise<number> {
  return (await processesBelow(pid)).reduce((sum, { residentPages }) => sum + residentPages * 4096, 0);
}

/** What they have in memory; what several share is divided among them (Linux: PSS). */
export async function ownMemoryBytes(pid: number): Promise<number> {
  let kib = 0;
  for (const process of await processesBelow(pid)) {
    const rollup = await readFile(`/proc/${process.pid}/smaps_rollup`, "latin1").catch(() => "");
    kib += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return kib * 1024;
}
