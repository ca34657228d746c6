/** What the header of a part says of it, in its `Content-` fields. */
import type { KnownField } from "./field-names.ts";
import { parseContentType, parseDisposition, parseLanguages, parseToken } from "./field-value.ts";
import type { Structure } from "./structure.ts";

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

/** `fields` by name, unfolded. What they do not say stays as it is in `part`. */
export function readFields(part: Facts, fields: ReadonlyMap<KnownField, string>, isInDigest: boolean): void {
  // RFC 2046 5.1.5: what has no type in a digest is a message.
  if (isInDigest && !fields.has("content-type")) {
    part.type = "message";
    part.subtype = "rfc822";
  }
  for (const [name, value] of fields) readField(part, name, value);
}

function readField(part: Facts, name: KnownField, value: string): void {
  switch (name) {
    case "content-type": {
      const type = parseContentType(value);
      if (!type) return;
      part.type = type.type;
      part.subtype = type.subtype;
      part.parameters = type.parameters;
      return;
    }
    case "content-transfer-encoding":
      part.encoding = parseToken(value).toLowerCase() || "7bit";
      return;
    case "content-id":
      part.id = value || null;
      return;
    case "content-description":
      part.description = value || null;
      return;
    case "content-md5":
      part.md5 = value || null;
      return;
    case "content-location":
      part.location = value || null;
      return;
    case "content-language":
      part.language = parseLanguages(value);
      return;
    case "content-disposition":
      part.disposition = parseDisposition(value);
      return;
  }
}
