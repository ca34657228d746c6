/** Indexes of mailboxes as the processes of one server have them: each call of `open` is a process, all over one directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../contracts/log.ts";
import type { MailboxIndex } from "../contracts/mailbox-index.ts";
import { createMailboxIndex, type OpenMailboxIndex } from "../mailbox-index/mailbox-index.ts";
import { silentLog } from "./kernel.ts";

export interface TemporaryMailboxIndex {
  readonly directory: string;
  open(): MailboxIndex;
  /** Closes all of them. */
  close(): Promise<void>;
  /** Closes all, and removes the directory. */
  remove(): Promise<void>;
}

const CEILING_BYTES = 512 * 1024 * 1024;

/** As a process has it over this directory. */
export const mailboxIndexAt = (directory: string, log: Log = silentLog): OpenMailboxIndex =>
  createMailboxIndex({ directory, ceilingBytes: CEILING_BYTES, log, clock: Date });

export async function temporaryMailboxIndex(log: Log = silentLog): Promise<TemporaryMailboxIndex> {
  const directory = await mkdtemp(join(tmpdir(), "postern-index-"));
  const opened: OpenMailboxIndex[] = [];
  const close = async () => {
    for (const index of opened.splice(0)) await index.close();
  };
  return {
    directory,
    open() {
      const index = mailboxIndexAt(directory, log);
      opened.push(index);
      return index;
    },
    close,
    async remove() {
      await close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
