/** A store in a process of its own, for the tests that kill it. */
import type { MailboxIndex, MailboxStore } from "postern/plugin";
import { MaildirStore } from "../store.ts";
import { quietLog } from "./quiet-log.ts";

export async function openStore(_: unknown, index: MailboxIndex | null): Promise<MailboxStore> {
  return new MaildirStore({
    path: "{home}/Maildir/",
    configDir: "/",
    specialUse: {},
    maxWatches: 0,
    checkEvery: 60_000,
    log: quietLog,
    clock: Date,
    notifier: null,
    index,
  });
}
