/** Records about what happened to a message, as its own file and the journal keep them. */
import type { SpoolOutcome } from "../contracts/spool.ts";
import type { Schedule } from "./entry.ts";
import { type PreparedRecord, prepareRecord } from "./record.ts";

export const settleRecord = (id: string, recipientId: number, outcome: SpoolOutcome): PreparedRecord =>
  prepareRecord("settle", { id, recipientId, outcome });

export const rescheduleRecord = (id: string, schedule: Schedule): PreparedRecord =>
  prepareRecord("reschedule", { id, ...schedule });

export const holdRecord = (id: string, reason: string | null): PreparedRecord => prepareRecord("hold", { id, reason });

export const removeRecord = (id: string): PreparedRecord => prepareRecord("remove", { id });
