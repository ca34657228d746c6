/**
 * Looks a message over once, while its octets go by: its structure, and what lists of messages show of it. What few ask for, and takes as long
 * as all the rest, is the gist: made of a survey and the octets. Memory is bounded for a message of any size; of the text for the preview,
 * what lies beyond the bound does not count. Never throws on content.
 */
import { createHash, type Hash, hash } from "node:crypto";
import { messageIds } from "./message-ids.ts";
import type { MessageGist, MessageOverview } from "./overview.ts";
import { previewEnd, previewOf, previewPart } from "./preview.ts";
import { parseDate } from "./structure/date.ts";
import { envelopeOf } from "./structure/envelope.ts";
import type { Structure } from "./structure/structure.ts";
import { StructureParser } from "./structure/structure-parser.ts";

export interface Survey {
  readonly structure: Structure;
  readonly overview: MessageOverview;
}

export interface WholeSurvey extends Survey {
  readonly gist: MessageGist;
}

/** Octets from the beginning of the message that the preview is looked for in. */
const headBytes = 256 * 1024;
const maxReferences = 100;

/** A message in memory. */
export function surveyMessage(octets: Uint8Array): Survey {
  const parser = newParser();
  parser.write(octets);
  return surveyOf(parser);
}

/** `octets` as they were surveyed. The internal date belongs to what an email id stands for (RFC 8474 5.1). */
export function gistOf(octets: Uint8Array, survey: Survey, internalDate: number): MessageGist {
  const digest = hash("sha256", Buffer.concat([Buffer.from(`${internalDate}\n`), octets]), "base64url");
  return gistFrom(survey, octets.subarray(0, headBytes), digest);
}

/** A message that comes in pieces. Rejects only if the source does. */
export async function surveyStream(source: AsyncIterable<Uint8Array>, internalDate: number): Promise<WholeSurvey> {
  const parser = newParser();
  const digest: Hash = createHash("sha256").update(`${internalDate}\n`);
  const head: Uint8Array[] = [];
  let room = headBytes;
  for await (const piece of source) {
    parser.write(piece);
    digest.update(piece);
    if (room <= 0) continue;
    // Copied: whoever reads may use its buffer again.
    const kept = Buffer.from(piece.subarray(0, room));
    head.push(kept);
    room -= kept.length;
  }
  const survey = surveyOf(parser);
  return { ...survey, gist: gistFrom(survey, Buffer.concat(head), digest.digest("base64url")) };
}

const newParser = (): StructureParser => new StructureParser({}, { keepsFields: true });

function surveyOf(parser: StructureParser): Survey {
  const structure = parser.end();
  const { fields } = parser;
  const envelope = envelopeOf(fields);
  const references = messageIds(fields.get("references") ?? "", maxReferences);
  const sentDate = envelope.date === null ? null : (parseDate(envelope.date)?.epochMs ?? null);
  return {
    structure,
    overview: {
      envelope,
      sentDate,
      // RFC 5256 3, REFERENCES 1: where there are no references, the first id in In-Reply-To.
      references: references.length > 0 ? references : messageIds(envelope.inReplyTo ?? "", 1).slice(0, 1),
    },
  };
}

function gistFrom({ structure, overview }: Survey, head: Uint8Array, digest: string): MessageGist {
  const { envelope, references } = overview;
  const part = previewPart(structure);
  const emailId = `M${digest.slice(0, 32)}`;
  const root = references[0] ?? messageIds(envelope.messageId ?? "", 1)[0] ?? emailId;
  return {
    preview: part === null ? "" : previewOf(part, head.subarray(part.body.start, previewEnd(part))),
    emailId,
    threadId: `T${hash("sha256", root, "base64url").slice(0, 22)}`,
  };
}
