/**
 * Surveys as the index keeps them: an octet string, one value a line, so that thousands are written and read in the time that it takes to
 * send them. No value has a line end in it: fields are unfolded. What was packed by another version is unpacked to `null`: it is found out
 * again.
 */
import type { MessageGist, MessageOverview } from "./overview.ts";
import type { EnvelopeAddress } from "./structure/address-list.ts";
import type { MessageEnvelope } from "./structure/envelope.ts";
import type { Structure } from "./structure/structure.ts";
import type { Survey } from "./survey.ts";

/** A new one for every change of what follows, or of what a survey finds. */
const VERSION = "3";
/** Instead of a number of addresses: those of `From`. */
const AS_FROM = "f";
/** Instead of a number of parts: a message, with its envelope where it has one. */
const MESSAGE = "m";
const ENVELOPE = "e";

type Lines = (string | number)[];

export function packSurvey({ overview, structure }: Survey): string {
  const { envelope, sentDate, references } = overview;
  const lines: Lines = [VERSION, 0];
  packEnvelope(lines, envelope);
  lines.push(sentDate ?? "", references.length, ...references);
  // Many ask for one of both halves only.
  lines[1] = lines.length;
  packPart(lines, structure);
  return lines.join("\n");
}

export function unpackSurvey(packed: string | null): Survey | null {
  const lines = linesOf(packed);
  return lines && new UnpackedSurvey(lines);
}

export const packGist = ({ preview, emailId, threadId }: MessageGist): string =>
  [VERSION, Buffer.from(preview, "utf8").toString("latin1"), emailId, threadId].join("\n");

export function unpackGist(packed: string | null): MessageGist | null {
  const [, preview, emailId, threadId] = linesOf(packed) ?? [];
  if (preview === undefined || emailId === undefined || threadId === undefined) return null;
  return { preview: Buffer.from(preview, "latin1").toString("utf8"), emailId, threadId };
}

const linesOf = (packed: string | null): readonly string[] | null =>
  packed?.startsWith(`${VERSION}\n`) ? packed.split("\n") : null;

class UnpackedSurvey implements Survey {
  readonly #lines: readonly string[];
  #overview: MessageOverview | null = null;
  #structure: Structure | null = null;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  get overview(): MessageOverview {
    this.#overview ??= unpackOverview(new Unpacker(this.#lines, 2));
    return this.#overview;
  }

  get structure(): Structure {
    this.#structure ??= unpackPart(new Unpacker(this.#lines, Number(this.#lines[1])), false);
    return this.#structure;
  }
}

/** Walks over the lines; behind the last one there are empty ones. */
class Unpacker {
  readonly #lines: readonly string[];
  #at: number;

  constructor(lines: readonly string[], at: number) {
    this.#lines = lines;
    this.#at = at;
  }

  text(): string {
    return this.#lines[this.#at++] ?? "";
  }

  number(): number {
    return Number(this.text());
  }

  textOrNull(): string | null {
    const text = this.text();
    return text === "" ? null : text.slice(1);
  }

  texts(): readonly string[] {
    const from = this.#at + 1;
    this.#at = from + this.number();
    return this.#lines.slice(from, this.#at);
  }

  pairs(): readonly (readonly [string, string])[] {
    const pairs: (readonly [string, string])[] = [];
    for (let left = this.number(); left > 0; left--) pairs.push([this.text(), this.text()]);
    return pairs;
  }
}

const orNull = (text: string | null): string => (text === null ? "" : `=${text}`);

function unpackOverview(from: Unpacker): MessageOverview {
  const envelope = unpackEnvelope(from);
  const sentDate = from.text();
  return { envelope, sentDate: sentDate === "" ? null : Number(sentDate), references: from.texts() };
}

function packEnvelope(lines: Lines, envelope: MessageEnvelope): void {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  lines.push(orNull(date), orNull(subject), orNull(inReplyTo), orNull(messageId));
  packAddresses(lines, from);
  for (const list of [sender, replyTo]) {
    if (list === from) lines.push(AS_FROM);
    else packAddresses(lines, list);
  }
  packAddresses(lines, to);
  packAddresses(lines, cc);
  packAddresses(lines, bcc);
}

function unpackEnvelope(lines: Unpacker): MessageEnvelope {
  const date = lines.textOrNull();
  const subject = lines.textOrNull();
  const inReplyTo = lines.textOrNull();
  const messageId = lines.textOrNull();
  const from = unpackAddresses(lines, null);
  const sender = unpackAddresses(lines, from);
  const replyTo = unpackAddresses(lines, from);
  const to = unpackAddresses(lines, null);
  const cc = unpackAddresses(lines, null);
  const bcc = unpackAddresses(lines, null);
  return { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId };
}

type Addresses = readonly EnvelopeAddress[] | null;

function packAddresses(lines: Lines, list: Addresses): void {
  lines.push(list?.length ?? "");
  for (const { name, route, mailbox, host } of list ?? [])
    lines.push(orNull(name), orNull(route), orNull(mailbox), orNull(host));
}

function unpackAddresses(lines: Unpacker, from: Addresses): Addresses {
  const count = lines.text();
  if (count === AS_FROM) return from;
  if (count === "") return null;
  const list: EnvelopeAddress[] = [];
  for (let left = Number(count); left > 0; left--) {
    const name = lines.textOrNull();
    const route = lines.textOrNull();
    const mailbox = lines.textOrNull();
    list.push({ name, route, mailbox, host: lines.textOrNull() });
  }
  return list;
}

function packPart(lines: Lines, part: Structure): void {
  const { header, body, type, subtype, parameters, encoding, children, message } = part;
  lines.push(header.start, header.length, body.start, body.length, part.lines, type, subtype, encoding);
  packParameters(lines, parameters);
  packRareFields(lines, part);
  if (message) {
    lines.push(MESSAGE, message.envelope ? ENVELOPE : "");
    if (message.envelope) packEnvelope(lines, message.envelope);
    packPart(lines, message);
    return;
  }
  lines.push(children.length);
  for (const child of children) packPart(lines, child);
}

/** `isMessage`: inside another, with its envelope in front of it. */
function unpackPart(from: Unpacker, isMessage: boolean): Structure {
  const envelope = isMessage && from.text() === ENVELOPE ? unpackEnvelope(from) : null;
  const header = { start: from.number(), length: from.number() };
  const body = { start: from.number(), length: from.number() };
  const lines = from.number();
  const type = from.text();
  const subtype = from.text();
  const encoding = from.text();
  const parameters = from.pairs();
  const { id, description, md5, disposition, language, location } = unpackRareFields(from);
  const inside = from.text();
  const message = inside === MESSAGE ? unpackPart(from, true) : null;
  const children: Structure[] = [];
  for (let left = message ? 0 : Number(inside); left > 0; left--) children.push(unpackPart(from, false));
  // One literal, here and below: what is put together from others has a shape of its own to V8, which takes microseconds.
  return {
    header,
    body,
    lines,
    type,
    subtype,
    parameters,
    id,
    description,
    encoding,
    md5,
    disposition,
    language,
    location,
    children,
    message,
    envelope,
  };
}

type RareFields = Pick<Structure, "id" | "description" | "md5" | "disposition" | "language" | "location">;
const noFields: RareFields = {
  id: null,
  description: null,
  md5: null,
  disposition: null,
  language: null,
  location: null,
};

/** What most parts have none of. */
function packRareFields(lines: Lines, { id, description, md5, disposition, language, location }: RareFields): void {
  const isNone = (id ?? description ?? md5 ?? disposition ?? language ?? location) === null;
  lines.push(isNone ? 0 : 1);
  if (isNone) return;
  lines.push(orNull(id), orNull(description), orNull(md5), orNull(location), orNull(disposition?.type ?? null));
  if (disposition) packParameters(lines, disposition.parameters);
  lines.push(language ? 1 : 0);
  if (language) lines.push(language.length, ...language);
}

function unpackRareFields(from: Unpacker): RareFields {
  if (from.number() === 0) return noFields;
  const id = from.textOrNull();
  const description = from.textOrNull();
  const md5 = from.textOrNull();
  const location = from.textOrNull();
  const type = from.textOrNull();
  const disposition = type === null ? null : { type, parameters: from.pairs() };
  const language = from.number() === 1 ? from.texts() : null;
  return { id, description, md5, disposition, language, location };
}

function packParameters(lines: Lines, parameters: Structure["parameters"]): void {
  lines.push(parameters.length);
  for (const [name, value] of parameters) lines.push(name, value);
}
