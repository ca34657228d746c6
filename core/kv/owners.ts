/**
 * Who holds leases: each opened KeyValue has a record of its process, by which others see that it is gone. A pid alone may mean
 * somebody else later; together with the time at which that process began, and the boot, it means one process for ever.
 * A process that was killed and not yet reaped is gone.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";

export interface OwnerRecord {
  readonly pid: number;
  /** In the kernel's own count, see proc_pid_stat(5); empty where there is no /proc. */
  readonly begun: string;
  readonly boot: string;
  /** Pids are numbers within one of these. */
  readonly pidNamespace: string;
}

export const newOwnerId = (): string => randomBytes(9).toString("base64url");

export const bootId = (): string => textOf(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());

export function thisProcess(): OwnerRecord {
  return {
    pid: process.pid,
    begun: beginningOf(process.pid) ?? "",
    boot: bootId(),
    pidNamespace: textOf(() => readlinkSync("/proc/self/ns/pid")),
  };
}

/** Whether the process that `record` means still runs, as seen from the process `self`. */
export function isAlive(record: OwnerRecord, self: OwnerRecord): boolean {
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
