/** What the KeyValue store keeps in its environment. */
import type { Environment } from "./environment.ts";

/** entries: what plugins keep. expiries: when to look at which of them, see `record.ts`. gauges: who holds how many leases. */
export const TABLES = ["entries", "expiries", "gauges"] as const;

export type KeyValueEnvironment = Environment<(typeof TABLES)[number]>;
