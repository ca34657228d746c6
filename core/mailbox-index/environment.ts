/** What a shard of the index keeps in its environment. */
import type { Environment } from "../kv/environment.ts";

/** heads: what is known of a mailbox as a whole. messages: one record each. journal: what each commit changed. details: what was read out of messages. */
export const TABLES = ["heads", "messages", "journal", "details"] as const;

export type ShardEnvironment = Environment<(typeof TABLES)[number]>;
