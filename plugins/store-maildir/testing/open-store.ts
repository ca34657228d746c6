/** A store in a process of its own, for the tests that kill it. */
import type { MailboxIndex, MailboxStore } from "postern/plugin";
import { storeWith } from "./store-in.ts";

export const openStore = async (_: unknown, index: MailboxIndex | null): Promise<MailboxStore> => storeWith({ index });
