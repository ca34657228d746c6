/**
 * Kernel locks on an open file that other programs see. fcntl locks are taken as open-file-description locks (F_OFD_SETLK, Linux): ordinary
 * ones would be lost whenever this process closes any other descriptor of the file. Node has neither, so both are called through koffi,
 * which is loaded when first needed; without it, or on another system, nothing is shared and everybody is told why.
 */
import { createRequire } from "node:module";
import { StoreError } from "postern/plugin";

export type KernelLock = "fcntl" | "flock";
export type LockMode = "shared" | "exclusive" | "none";

/** Of linux/fcntl.h and sys/file.h; the same for all machines that Node runs on. */
const F_OFD_SETLK = 37;
const TYPES: Readonly<Record<LockMode, number>> = { shared: 0, exclusive: 1, none: 2 };
const FLOCKS: Readonly<Record<LockMode, number>> = { shared: 1 | 4, exclusive: 2 | 4, none: 8 };
const EINTR = 4;
/** EAGAIN and EACCES: somebody else has it. */
const BUSY: ReadonlySet<number> = new Set([11, 13]);

interface Koffi {
  load(path: string): { func(prototype: string): (...values: readonly unknown[]) => number };
  struct(name: string, fields: Readonly<Record<string, string>>): unknown;
  errno(): number;
}

interface Calls {
  readonly fcntl: (fd: number, command: number, lock: object) => number;
  readonly flock: (fd: number, operation: number) => number;
  errno(): number;
}

let loaded: Calls | string | null = null;

function load(): Calls | string {
  if (process.platform !== "linux") return "locks that other programs see can be had on Linux only";
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    const libc = koffi.load("libc.so.6");
    koffi.struct("postern_flock", {
      l_type: "short",
      l_whence: "short",
      l_start: "int64",
      l_len: "int64",
      l_pid: "int",
    });
    return {
      fcntl: libc.func("int fcntl(int fd, int cmd, postern_flock *lock)"),
      flock: libc.func("int flock(int fd, int operation)"),
      errno: () => koffi.errno(),
    };
  } catch (cause) {
    return `koffi, which locks files, cannot be loaded: ${cause instanceof Error ? cause.message.split("\n", 1)[0] : "?"}`;
  }
}

/** Why there are no kernel locks here; `null`: there are. */
export function whyNoKernelLocks(): string | null {
  loaded ??= load();
  return typeof loaded === "string" ? loaded : null;
}

/** Whether it was got. Rejects where the file system has none: such a file is not to be shared. */
export function tryKernelLock(kind: KernelLock, fd: number, mode: LockMode): boolean {
  loaded ??= load();
  if (typeof loaded === "string")
    throw new StoreError("unavailable", "The mailbox cannot be locked", { cause: new Error(loaded) });
  for (;;) {
    const lock = { l_type: TYPES[mode], l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
    const answer = kind === "fcntl" ? loaded.fcntl(fd, F_OFD_SETLK, lock) : loaded.flock(fd, FLOCKS[mode]);
    if (answer === 0) return true;
    const errno = loaded.errno();
    if (BUSY.has(errno)) return false;
    if (errno === EINTR) continue;
    const cause = new Error(`${kind} locks cannot be had on this file system (errno ${errno})`);
    throw new StoreError("unavailable", "The mailbox cannot be locked", { cause });
  }
}
