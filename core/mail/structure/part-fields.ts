/** What the header of a part says of it: its `Content-` fields, and those of an envelope. Lines as they came, each field with its folds. */
import { envelopeOf, isEnvelopeField, type MessageEnvelope } from "./envelope.ts";
import { parseContentType, parseDisposition, parseLanguages, parseToken } from "./field-value.ts";
import { unfoldText } from "./header-fields.ts";
import type { Structure } from "./structure.ts";

export function isEnvelopeLine(text: string): boolean {
  const colon = text.indexOf(":");
  return colon !== -1 && colon < 40 && isEnvelopeField(text.slice(0, colon).trimEnd().toLowerCase());
}

/** Of fields given twice the first counts. */
export function readEnvelope(fields: readonly string[]): MessageEnvelope {
  const values = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).trimEnd().toLowerCase();
    if (isEnvelopeField(name) && !values.has(name)) values.set(name, unfoldText(field.slice(colon + 1)));
  }
  return envelopeOf(values);
}

type Facts = {
  -readonly [K in
    | "type"
    | "subtype"
    | "parameters"
    | "id"
    | "description"
    | "encoding"
    | "md5"
    | "language"
    | "location"
    | "disposition"]: Structure[K];
};

/** Of fields given twice the first counts. */
export function readFields(fields: readonly string[], isInDigest: boolean): Partial<Facts> {
  const facts: Partial<Facts> = {};
  const seen = new Set<string>();
  for (const field of fields) {
    const colon = field.indexOf(":");
    if (colon === -1) continue;
    const name = field.slice(0, colon).trimEnd().toLowerCase();
    if (seen.has(name)) continue;
    seen.add(name);
    readField(facts, name, unfoldText(field.slice(colon + 1)));
  }
  // RFC 2046 5.1.5: what has no type in a digest is a message.
  if (facts.type === undefined && isInDigest && !seen.has("content-type")) {
    facts.type = "message";
    facts.subtype = "rfc822";
  }
  return facts;
}

function readField(facts: Partial<Facts>, name: string, value: string): void {
  switch (name) {
    case "content-type": {
      const type = parseContentType(value);
      if (type) Object.assign(facts, type);
      return;
    }
    case "content-transfer-encoding":
      facts.encoding = parseToken(value).toLowerCase() || "7bit";
      return;
    case "content-id":
      if (value) facts.id = value;
      return;
    case "content-description":
      if (value) facts.description = value;
      return;
    case "content-md5":
      if (value) facts.md5 = value;
      return;
    case "content-location":
      if (value) facts.location = value;
      return;
    case "content-language":
      facts.language = parseLanguages(value);
      return;
    case "content-disposition":
      facts.disposition = parseDisposition(value);
      return;
  }
}
