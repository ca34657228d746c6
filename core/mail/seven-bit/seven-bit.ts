/**
 * A message for a host without 8BITMIME (RFC 6152 3): what has octets beyond ASCII, or lines that are too long, becomes
 * quoted-printable or base64, entity by entity (RFC 2046 5.1.1, 5.2.1: composite ones are converted inside). What decoding gives stays octet
 * by octet the same. What somebody has signed, and MIME that cannot be understood, is `impossible`. Reads the source two or three times
 * as a stream and keeps headers only. Rejects if the source does, never for what it says.
 */
import { Readable } from "node:stream";
import { StructureParser } from "../structure/structure-parser.ts";
import { applyEdits } from "./apply-edits.ts";
import { type Entity, entitiesOf } from "./entities.ts";
import { OctetCount } from "./octet-count.ts";
import { planEdits } from "./plan.ts";
import { surveyed } from "./survey.ts";

/** A message as `contracts` has it; `content` gives the same octets each time. */
export interface SevenBitSource {
  readonly sizeBytes: number;
  content(): AsyncIterable<Uint8Array>;
}

export type SevenBit =
  | { readonly at: "unchanged" | "converted"; readonly sizeBytes: number; content(): Readable }
  /** For the person who sent it: "because ...". */
  | { readonly at: "impossible"; readonly reason: string };

export async function sevenBit(message: SevenBitSource): Promise<SevenBit> {
  const parser = new StructureParser();
  const count = new OctetCount();
  for await (const piece of message.content()) {
    parser.write(piece);
    count.write(piece);
  }
  const unchanged: SevenBit = {
    at: "unchanged",
    sizeBytes: message.sizeBytes,
    content: () => Readable.from(message.content(), { objectMode: false }),
  };
  if (!count.end().needsEncoding) return unchanged;
  const entities: Entity = entitiesOf(parser.end());
  const survey = await surveyed(entities, message.content());
  if (survey.at === "impossible") return survey;
  const plan = planEdits(entities, survey);
  if (plan.at === "impossible") return plan;
  if (plan.edits.length === 0) return unchanged;
  let sizeBytes = 0;
  for await (const piece of applyEdits(message.content(), plan.edits)) sizeBytes += piece.length;
  return {
    at: "converted",
    sizeBytes,
    content: () => Readable.from(applyEdits(message.content(), plan.edits), { objectMode: false }),
  };
}
