/** What mailq, `sendmail -bp` and `sendmail -q` ask of the queue, by the ways that `postern queue` has. */
import type { FlushTarget } from "../sendmail/command.ts";
import type { Terminal } from "./terminal.ts";

const UNAVAILABLE = 69;

export async function listQueue({ err }: Terminal): Promise<number> {
  err.write("mailq: the queue cannot be shown by this version\n");
  return UNAVAILABLE;
}

export async function flushQueue(_: FlushTarget, { err }: Terminal): Promise<number> {
  err.write("sendmail: the queue cannot be flushed by this version\n");
  return UNAVAILABLE;
}
