/** Locks for this plugin's tests: kernel locks too, unless they cannot be had on this machine. */
import { whyNoKernelLocks } from "../kernel-locks.ts";
import type { LockMethod } from "../mailbox-lock.ts";

export const locksHere: readonly LockMethod[] = whyNoKernelLocks() === null ? ["fcntl", "dotlock"] : ["dotlock"];
