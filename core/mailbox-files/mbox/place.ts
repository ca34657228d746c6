/** Where messages of an mbox and their parts stand, and what is known of them. */
import type { MetaFacts, MetaLine } from "./meta-fields.ts";

/** Where a message and its parts stand. All but the first count from its From_ line. */
export interface MessagePlace {
  /** Position of the From_ line. */
  readonly start: number;
  readonly header: number;
  readonly fields: number;
  readonly body: number;
  readonly end: number;
  /** Up to the next message. */
  readonly length: number;
  readonly isCrlf: boolean;
  readonly isVerbatim: boolean;
  readonly isUnquoted: boolean;
  readonly meta: readonly MetaLine[];
}

export interface ScannedMessage {
  readonly place: MessagePlace;
  readonly facts: MetaFacts;
  readonly internalDate: number;
  /** As fetched. */
  readonly sizeBytes: number;
  /** By which POP3 clients of another server know it, by its X-UIDL; mostly empty. */
  readonly uniqueId: string;
}

/** All positions count from the From_ line. */
export interface MessageLayout {
  /** Behind the From_ line. */
  readonly header: number;
  /** Behind the last field: new ones go here. */
  readonly fields: number;
  readonly body: number;
  readonly meta: readonly MetaLine[];
  readonly facts: MetaFacts;
}
