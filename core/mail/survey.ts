/**
 * Looks a message over once, while its octets go by: its structure, and what lists of messages show of it. Memory is bounded for a message
 * of any size; of a header block, and of the text for the preview, what lies beyond the bound does not count. Never throws on content.
 */
import { createHash, type Hash, hash } from "node:crypto";
import { messageIds } from "./message-ids.ts";
import type { MessageOverview } from "./overview.ts";
import { previewEnd, previewOf, previewPart } from "./preview.ts";
import { parseDate } from "./structure/date.ts";
import { envelopeFields, envelopeOf } from "./structure/envelope.ts";
import type { Structure } from "./structure/structure.ts";
import { StructureParser } from "./structure/structure-parser.ts";

export interface Survey {
  readonly structure: Structure;
  readonly overview: MessageOverview;
}

/** Octets from the beginning of the message that headers and preview are looked for in. */
const headBytes = 256 * 1024;
const maxReferences = 100;

export class MessageSurvey {
  readonly #parser = new StructureParser();
  readonly #hash: Hash;
  readonly #head: Uint8Array[] = [];
  #kept = 0;

  /** The internal date belongs to what an email id stands for (RFC 8474 5.1). */
  constructor(internalDate: number) {
    this.#hash = createHash("sha256").update(`${internalDate}\n`);
  }

  write(piece: Uint8Array): void {
    this.#parser.write(piece);
    this.#hash.update(piece);
    const room = headBytes - this.#kept;
    if (room <= 0) return;
    // Copied: whoever reads may use its buffer again.
    const head = Buffer.from(piece.subarray(0, room));
    this.#head.push(head);
    this.#kept += head.length;
  }

  end(): Survey {
    const structure = this.#parser.end();
    return { structure, overview: overviewOf(Buffer.concat(this.#head), structure, this.#hash.digest("base64url")) };
  }
}

export function surveyMessage(octets: Uint8Array, internalDate: number): Survey {
  const parser = new StructureParser();
  parser.write(octets);
  const structure = parser.end();
  const digest = hash("sha256", Buffer.concat([Buffer.from(`${internalDate}\n`), octets]), "base64url");
  return { structure, overview: overviewOf(octets.subarray(0, headBytes), structure, digest) };
}

/** Rejects only if the source does. */
export async function surveyStream(source: AsyncIterable<Uint8Array>, internalDate: number): Promise<Survey> {
  const survey = new MessageSurvey(internalDate);
  for await (const piece of source) survey.write(piece);
  return survey.end();
}

function overviewOf(head: Uint8Array, structure: Structure, digest: string): MessageOverview {
  const header = head.subarray(0, structure.header.length);
  const fields = envelopeFields(header);
  const envelope = envelopeOf(fields);
  const part = previewPart(structure);
  const emailId = `M${digest.slice(0, 32)}`;
  const references = messageIds(fields.get("references") ?? "", maxReferences);
  // RFC 5256 3, REFERENCES 1: where there are no references, the first id in In-Reply-To.
  const follows = references.length > 0 ? references : messageIds(envelope.inReplyTo ?? "", 1).slice(0, 1);
  const root = follows[0] ?? messageIds(envelope.messageId ?? "", 1)[0] ?? emailId;
  return {
    envelope,
    sentDate: envelope.date === null ? null : (parseDate(envelope.date)?.epochMs ?? null),
    references: follows,
    preview: part === null ? "" : previewOf(part, head.subarray(part.body.start, previewEnd(part))),
    emailId,
    threadId: `T${hash("sha256", root, "base64url").slice(0, 22)}`,
  };
}
