/** BODY and BODYSTRUCTURE (RFC 3501 7.4.2) from a `Structure`. */
import type { Disposition, MessageEnvelope, Structure } from "postern/mail";
import { formatString } from "../wire/format.ts";
import { formatEnvelope } from "./envelope.ts";
import type { Strings } from "./strings.ts";

interface How {
  readonly isExtended: boolean;
  readonly strings: Strings;
}
type Parameters_ = Structure["parameters"];

export function formatBodyStructure(part: Structure, how: How): string {
  const pieces: string[] = [];
  writePart(part, how, pieces);
  return pieces.join("");
}

const nothing: MessageEnvelope = {
  ...{ date: null, subject: null, from: null, sender: null, replyTo: null },
  ...{ to: null, cc: null, bcc: null, inReplyTo: null, messageId: null },
};
const formatNstring = (value: string | null, strings: Strings): string => (value === null ? "NIL" : strings(value));

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
  if (how.isExtended)
    pieces.push(" ", formatParameters(part.parameters, how.strings), formatCommonExtension(part, how.strings));
  pieces.push(")");
}

const emptyText = (isExtended: boolean): string =>
  `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0${isExtended ? " NIL NIL NIL NIL" : ""})`;

function writeLeaf(part: Structure, how: How, pieces: string[]): void {
  const { strings } = how;
  pieces.push(
    `(${strings(part.type)} ${strings(part.subtype)} ${formatParameters(withCharset(part), strings)} `,
    `${formatNstring(part.id, strings)} ${formatNstring(part.description, strings)} `,
    `${strings(part.encoding)} ${part.body.length}`,
  );
  if (part.message) {
    pieces.push(` ${formatEnvelope(part.message.envelope ?? nothing, strings)} `);
    writePart(part.message, how, pieces);
    pieces.push(` ${part.lines}`);
  } else if (part.type === "text") pieces.push(` ${part.lines}`);
  if (how.isExtended) pieces.push(` ${formatNstring(part.md5, strings)}`, formatCommonExtension(part, strings));
  pieces.push(")");
}

/** RFC 2046 4.1.2: text without a charset is us-ascii. */
function withCharset({ type, parameters }: Structure): Parameters_ {
  if (type !== "text" || parameters.some(([name]) => name.toLowerCase() === "charset")) return parameters;
  return [...parameters, ["charset", "us-ascii"]];
}

function formatCommonExtension({ disposition, language, location }: Structure, strings: Strings): string {
  if (disposition === null && language === null && location === null) return " NIL NIL NIL";
  return ` ${formatDisposition(disposition, strings)} ${formatLanguage(language, strings)} ${formatNstring(location, strings)}`;
}

const formatDisposition = (disposition: Disposition | null, strings: Strings): string =>
  disposition === null ? "NIL" : `(${strings(disposition.type)} ${formatParameters(disposition.parameters, strings)})`;

/** RFC 3501 9 body-fld-lang: one string, or a list. */
function formatLanguage(language: readonly string[] | null, strings: Strings): string {
  return language === null ? "NIL" : `(${language.map(strings).join(" ")})`;
}

function formatParameters(parameters: Parameters_, strings: Strings): string {
  if (parameters.length === 0) return "NIL";
  let list = "(";
  for (const [name, value] of parameters) list += `${list === "(" ? "" : " "}${strings(name)} ${strings(value)}`;
  return `${list})`;
}
