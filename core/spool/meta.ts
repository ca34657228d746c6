/** The JSON of each record type. Parsing throws a `SpoolError` for what this version cannot have written. */
import type { SpoolEnvelope, SpoolOutcome } from "../contracts/spool.ts";
import type { Hold, Schedule } from "./entry.ts";
import { SpoolError } from "./errors.ts";
import { isSpoolId } from "./layout.ts";

/** The body's file, `bodies/<id>`, as far as it belongs to the message. */
export interface BodyFile {
  readonly start: number;
  readonly length: number;
  /** Over these bytes; `null`: never computed. */
  readonly crc: number | null;
}

export interface AcceptMeta {
  readonly id: string;
  readonly envelope: SpoolEnvelope;
  /** The first bytes of content. */
  readonly headerBytes: number;
  /** `null`: the body is the rest of content. */
  readonly bodyFile: BodyFile | null;
}
export interface SettleMeta {
  readonly id: string;
  readonly recipientId: number;
  readonly outcome: SpoolOutcome;
}
export interface RescheduleMeta extends Schedule {
  readonly id: string;
}
export interface HoldMeta extends Hold {
  readonly id: string;
}

/** The meta of a record as an object with a sound id. */
export function parseMeta(meta: Buffer): object & { readonly id: string } {
  const value: unknown = JSON.parse(meta.toString("utf8"));
  if (typeof value !== "object" || value === null || !("id" in value)) throw strange();
  const { id } = value;
  if (typeof id !== "string" || !isSpoolId(id)) throw strange();
  return value as { readonly id: string };
}

export function acceptMeta(value: object): AcceptMeta {
  const meta = value as Partial<AcceptMeta>;
  if (typeof meta.envelope !== "object" || !Number.isSafeInteger(meta.headerBytes)) throw strange();
  return meta as AcceptMeta;
}

export function settleMeta(value: object): SettleMeta {
  const meta = value as Partial<SettleMeta>;
  if (!Number.isSafeInteger(meta.recipientId) || typeof meta.outcome !== "object") throw strange();
  return meta as SettleMeta;
}

export function rescheduleMeta(value: object): RescheduleMeta {
  const meta = value as Partial<RescheduleMeta>;
  if (!Number.isFinite(meta.dueAt) || !Number.isSafeInteger(meta.attempts)) throw strange();
  return meta as RescheduleMeta;
}

export function holdMeta(value: object): HoldMeta {
  const meta = value as Partial<HoldMeta>;
  if (typeof meta.reason !== "string" && meta.reason !== null) throw strange();
  return meta as HoldMeta;
}

const strange = () => new SpoolError("SPOOL_DAMAGED", "a record's meta is not what this server writes");
