/**
 * Surveys as the index keeps them: arrays without names, and without what most messages do not have, so that a list of ten thousand
 * messages is read in the time that it takes to send it. Plain JSON data. What was packed by another version, or is damaged, is unpacked to
 * `null`: it is found out again.
 */
import type { MessageGist, MessageOverview } from "./overview.ts";
import type { EnvelopeAddress } from "./structure/address-list.ts";
import type { MessageEnvelope } from "./structure/envelope.ts";
import type { Structure } from "./structure/structure.ts";
import type { Survey } from "./survey.ts";

/** A new one for every change of what follows, or of what a survey finds. */
const VERSION = 2;

type Text = string | null;
type PackedAddresses = readonly Text[] | null;
type PackedEnvelope = readonly [
  texts: readonly [date: Text, subject: Text, inReplyTo: Text, messageId: Text],
  from: PackedAddresses,
  /** 0: as `from`. */
  sender: PackedAddresses | 0,
  replyTo: PackedAddresses | 0,
  to: PackedAddresses,
  cc: PackedAddresses,
  bcc: PackedAddresses,
];
type PackedOverview = readonly [envelope: PackedEnvelope, sentDate: number | null, references: readonly string[]];
type PackedSurvey = readonly [version: number, overview: PackedOverview, structure: PackedPart];
type PackedGist = readonly [version: number, preview: string, emailId: string, threadId: string];

export function packSurvey({ overview, structure }: Survey): PackedSurvey {
  const { envelope, sentDate, references } = overview;
  return [VERSION, [packEnvelope(envelope), sentDate, references], packPart(structure)];
}

export const unpackSurvey = (packed: unknown): Survey | null =>
  isOurs(packed) ? new UnpackedSurvey(packed as unknown as PackedSurvey) : null;

export const packGist = ({ preview, emailId, threadId }: MessageGist): PackedGist => [
  VERSION,
  preview,
  emailId,
  threadId,
];

export function unpackGist(packed: unknown): MessageGist | null {
  if (!isOurs(packed)) return null;
  const [, preview, emailId, threadId] = packed as unknown as PackedGist;
  return { preview, emailId, threadId };
}

const isOurs = (packed: unknown): packed is readonly unknown[] => Array.isArray(packed) && packed[0] === VERSION;

/** Of both halves many ask for one only. */
class UnpackedSurvey implements Survey {
  readonly #packed: PackedSurvey;
  #overview: MessageOverview | null = null;
  #structure: Structure | null = null;

  constructor(packed: PackedSurvey) {
    this.#packed = packed;
  }

  get overview(): MessageOverview {
    this.#overview ??= unpackOverview(this.#packed[1]);
    return this.#overview;
  }

  get structure(): Structure {
    this.#structure ??= unpackPart(this.#packed[2], null);
    return this.#structure;
  }
}

const unpackOverview = ([envelope, sentDate, references]: PackedOverview): MessageOverview => ({
  envelope: unpackEnvelope(envelope),
  sentDate,
  references,
});

function packEnvelope(envelope: MessageEnvelope): PackedEnvelope {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope;
  return [
    [date, subject, inReplyTo, messageId],
    packAddresses(from),
    sender === from ? 0 : packAddresses(sender),
    replyTo === from ? 0 : packAddresses(replyTo),
    packAddresses(to),
    packAddresses(cc),
    packAddresses(bcc),
  ];
}

function unpackEnvelope([texts, from, sender, replyTo, to, cc, bcc]: PackedEnvelope): MessageEnvelope {
  const [date, subject, inReplyTo, messageId] = texts;
  const unpackedFrom = unpackAddresses(from);
  return {
    date,
    subject,
    from: unpackedFrom,
    sender: sender === 0 ? unpackedFrom : unpackAddresses(sender),
    replyTo: replyTo === 0 ? unpackedFrom : unpackAddresses(replyTo),
    to: unpackAddresses(to),
    cc: unpackAddresses(cc),
    bcc: unpackAddresses(bcc),
    inReplyTo,
    messageId,
  };
}

/** Four texts for each. */
function packAddresses(list: readonly EnvelopeAddress[] | null): PackedAddresses {
  if (list === null) return null;
  const packed: Text[] = [];
  for (const { name, route, mailbox, host } of list) packed.push(name, route, mailbox, host);
  return packed;
}

function unpackAddresses(packed: PackedAddresses): readonly EnvelopeAddress[] | null {
  if (packed === null) return null;
  const list: EnvelopeAddress[] = [];
  for (let at = 0; at < packed.length; at += 4) {
    list.push({
      name: packed[at] ?? null,
      route: packed[at + 1] ?? null,
      mailbox: packed[at + 2] ?? null,
      host: packed[at + 3] ?? null,
    });
  }
  return list;
}

/** Name and value in turn. */
type PackedParameters = readonly string[];
type PackedPart = readonly [
  offsets: readonly [header: number, headerLength: number, body: number, bodyLength: number, lines: number],
  type: string,
  subtype: string,
  parameters: PackedParameters,
  encoding: string,
  rare: PackedFields | 0,
  inside: readonly PackedPart[] | readonly [message: PackedPart, envelope: PackedEnvelope | 0, isMessage: 1] | 0,
];
type PackedFields = readonly [
  id: Text,
  description: Text,
  md5: Text,
  disposition: readonly [type: string, parameters: PackedParameters] | null,
  language: readonly string[] | null,
  location: Text,
];

function packPart(part: Structure): PackedPart {
  const { header, body, lines, type, subtype, parameters, encoding, children, message } = part;
  return [
    [header.start, header.length, body.start, body.length, lines],
    type,
    subtype,
    parameters.flat(),
    encoding,
    packFields(part),
    message
      ? [packPart(message), message.envelope ? packEnvelope(message.envelope) : 0, 1]
      : children.length > 0
        ? children.map(packPart)
        : 0,
  ];
}

function packFields({ id, description, md5, disposition, language, location }: Structure): PackedFields | 0 {
  if ((id ?? description ?? md5 ?? disposition ?? language ?? location) === null) return 0;
  const packedDisposition = disposition && ([disposition.type, disposition.parameters.flat()] as const);
  return [id, description, md5, packedDisposition, language, location];
}

const none: readonly never[] = [];

function unpackPart(packed: PackedPart, envelope: MessageEnvelope | null): Structure {
  const [[header, headerLength, body, bodyLength, lines], type, subtype, parameters, encoding, rare, inside] = packed;
  const [id, description, md5, disposition, language, location] = rare === 0 ? noFields : rare;
  const isMessage = inside !== 0 && inside[2] === 1;
  return {
    header: { start: header, length: headerLength },
    body: { start: body, length: bodyLength },
    lines,
    type,
    subtype,
    parameters: unpackParameters(parameters),
    id,
    description,
    encoding,
    md5,
    disposition: disposition && { type: disposition[0], parameters: unpackParameters(disposition[1]) },
    language,
    location,
    children:
      inside === 0 || isMessage ? none : (inside as readonly PackedPart[]).map((part) => unpackPart(part, null)),
    message: isMessage ? unpackMessage(inside as readonly [PackedPart, PackedEnvelope | 0, 1]) : null,
    envelope,
  };
}

const noFields: PackedFields = [null, null, null, null, null, null];

const unpackMessage = ([message, envelope]: readonly [PackedPart, PackedEnvelope | 0, 1]): Structure =>
  unpackPart(message, envelope === 0 ? null : unpackEnvelope(envelope));

function unpackParameters(packed: PackedParameters): readonly (readonly [string, string])[] {
  if (packed.length === 0) return none;
  const parameters: (readonly [string, string])[] = [];
  for (let at = 0; at < packed.length; at += 2) parameters.push([packed[at] ?? "", packed[at + 1] ?? ""]);
  return parameters;
}
