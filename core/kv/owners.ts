/**
 * Who uses the environment: each opened KeyValue has a file with a record of its process, by which others see that it is gone. A
 * pid alone may mean somebody else later; together with the time at which that process began, and the boot, it means one process
 * for ever. A process that was killed and not yet reaped is gone. Files outlast their process until the next one opens.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface OwnerRecord {
  readonly pid: number;
  /** In the kernel's own count, see proc_pid_stat(5); empty where there is no /proc. */
  readonly begun: string;
  readonly boot: string;
  /** Pids are numbers within one of these. */
  readonly pidNamespace: string;
}

export interface Owners {
  readonly ownId: string;
  /** Makes this process known. */
  register(): void;
  leave(): void;
  isGone(id: string): boolean;
  /** Those that ended without leaving. */
  gone(): readonly string[];
  forget(ids: readonly string[]): void;
  /** Whether nobody but this one is there. */
  isAlone(): boolean;
}

/** Records never change; a worker's life sees few of them. */
const REMEMBERED = 1_000;

export function createOwners(directory: string): Owners {
  const self = thisProcess();
  const ownId = randomBytes(9).toString("base64url");
  const records = new Map<string, OwnerRecord>();
  const fileOf = (id: string) => join(directory, id);

  const recordOf = (id: string): OwnerRecord | null => {
    const known = records.get(id);
    if (known) return known;
    const record = parseRecord(textOf(() => readFileSync(fileOf(id), "utf8")));
    if (record === null) return null;
    if (records.size >= REMEMBERED) records.clear();
    records.set(id, record);
    return record;
  };
  const isGone = (id: string): boolean => {
    if (id === ownId) return false;
    const record = recordOf(id);
    return record === null || !isAlive(record, self);
  };
  const others = () => readdirSync(directory).filter((id) => id !== ownId);
  const forget = (ids: readonly string[]) => {
    for (const id of ids) {
      records.delete(id);
      rmSync(fileOf(id), { force: true });
    }
  };

  return {
    ownId,
    register() {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(fileOf(ownId), JSON.stringify(self), { mode: 0o600 });
    },
    leave: () => forget([ownId]),
    isGone,
    gone: () => others().filter(isGone),
    forget,
    isAlone: () => others().every(isGone),
  };
}

export const bootId = (): string => textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());

function thisProcess(): OwnerRecord {
  return {
    pid: process.pid,
    begun: beginningOf(process.pid) ?? "",
    boot: bootId(),
    pidNamespace: textOf(() => readlinkSync("/proc/self/ns/pid")),
  };
}

/** `null` for what a power cut has torn: who wrote it is gone with its machine. */
function parseRecord(text: string): OwnerRecord | null {
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === "object" ? (record as OwnerRecord | null) : null;
  } catch {
    return null;
  }
}

/** Whether the process that `record` means still runs, as seen from the process `self`. */
function isAlive(record: OwnerRecord, self: OwnerRecord): boolean {
  if (record.boot !== self.boot || record.pidNamespace !== self.pidNamespace) return false;
  if (process.platform !== "linux") return answers(record.pid);
  return beginningOf(record.pid) === record.begun;
}

/** `null`: there is no such process, or what is left of it waits to be reaped. */
function beginningOf(pid: number): string | null {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  // The name of the program, in parentheses, may itself have spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  if (!state || state === "Z" || state === "X") return null;
  // Field 22, counted from 1; the first two were cut off.
  return fields[19] ?? null;
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    // Not there: no such process, or no /proc.
    return "";
  }
}
