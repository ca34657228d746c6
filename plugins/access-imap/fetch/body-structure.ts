/** BODY and BODYSTRUCTURE (RFC 3501 7.4.2) from a `Structure`. */
import type { Disposition, MessageEnvelope, Structure } from "postern/mail";
import { formatNstring, formatString } from "../wire/format.ts";
import { formatEnvelope } from "./envelope.ts";

/** The envelope of a message inside the message. */
export type EnvelopeOf = (message: Structure) => MessageEnvelope;

export function formatBodyStructure(
  part: Structure,
  how: { readonly isExtended: boolean; readonly envelopeOf: EnvelopeOf },
): string {
  const pieces: string[] = [];
  writePart(part, how, pieces);
  return pieces.join("");
}

type How = Parameters<typeof formatBodyStructure>[1];
type Parameters_ = Structure["parameters"];

/** Appends to a list of pieces, as deep and broad structures make long strings. */
function writePart(part: Structure, how: How, pieces: string[]): void {
  if (part.type === "multipart") writeMultipart(part, how, pieces);
  else writeLeaf(part, how, pieces);
}

function writeMultipart(part: Structure, how: How, pieces: string[]): void {
  pieces.push("(");
  // RFC 3501 9: a multipart has at least one part; one without is told to have an empty text.
  if (part.children.length === 0) pieces.push(emptyText(how.isExtended));
  for (const child of part.children) writePart(child, how, pieces);
  pieces.push(" ", formatString(part.subtype));
  if (how.isExtended) pieces.push(" ", formatParameters(part.parameters), formatCommonExtension(part));
  pieces.push(")");
}

const emptyText = (isExtended: boolean): string =>
  `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0${isExtended ? " NIL NIL NIL NIL" : ""})`;

function writeLeaf(part: Structure, how: How, pieces: string[]): void {
  pieces.push(
    `(${formatString(part.type)} ${formatString(part.subtype)} ${formatParameters(withCharset(part))} `,
    `${formatNstring(part.id)} ${formatNstring(part.description)} ${formatString(part.encoding)} ${part.body.length}`,
  );
  if (part.message) {
    pieces.push(` ${formatEnvelope(how.envelopeOf(part.message))} `);
    writePart(part.message, how, pieces);
    pieces.push(` ${part.lines}`);
  } else if (part.type === "text") pieces.push(` ${part.lines}`);
  if (how.isExtended) pieces.push(` ${formatNstring(part.md5)}`, formatCommonExtension(part));
  pieces.push(")");
}

/** RFC 2046 4.1.2: text without a charset is us-ascii. */
function withCharset({ type, parameters }: Structure): Parameters_ {
  if (type !== "text" || parameters.some(([name]) => name.toLowerCase() === "charset")) return parameters;
  return [...parameters, ["charset", "us-ascii"]];
}

function formatCommonExtension({ disposition, language, location }: Structure): string {
  return ` ${formatDisposition(disposition)} ${formatLanguage(language)} ${formatNstring(location)}`;
}

const formatDisposition = (disposition: Disposition | null): string =>
  disposition === null ? "NIL" : `(${formatString(disposition.type)} ${formatParameters(disposition.parameters)})`;

/** RFC 3501 9 body-fld-lang: one string, or a list. */
function formatLanguage(language: readonly string[] | null): string {
  return language === null ? "NIL" : `(${language.map(formatString).join(" ")})`;
}

function formatParameters(parameters: Parameters_): string {
  if (parameters.length === 0) return "NIL";
  return `(${parameters.map(([name, value]) => `${formatString(name)} ${formatString(value)}`).join(" ")})`;
}
