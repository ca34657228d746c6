/**
 * Overviews and structures as the index keeps them: arrays without names, and without what most messages do not have, so that a list of
 * ten thousand messages is read in the time that it takes to send it. Plain JSON data. What was packed by another version, or is damaged, is
 * unpacked to `null`: it is found out again.
 */
import type { MessageOverview } from "./overview.ts";
import type { EnvelopeAddress } from "./structure/address-list.ts";
import type { MessageEnvelope } from "./structure/envelope.ts";
import type { Structure } from "./structure/structure.ts";

/** A new one for every change of what follows, or of what a survey finds. */
const VERSION = 1;

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
type PackedOverview = readonly [
  version: number,
  envelope: PackedEnvelope,
  sentDate: number | null,
  references: readonly string[],
  preview: string,
  emailId: string,
  threadId: string,
];

export function packOverview(overview: MessageOverview): PackedOverview {
  const { envelope, sentDate, references, preview, emailId, threadId } = overview;
  return [VERSION, packEnvelope(envelope), sentDate, references, preview, emailId, threadId];
}

export function unpackOverview(packed: unknown): MessageOverview | null {
  if (!Array.isArray(packed) || packed[0] !== VERSION) return null;
  const [, envelope, sentDate, references, preview, emailId, threadId] = packed as unknown as PackedOverview;
  return { envelope: unpackEnvelope(envelope), sentDate, references, preview, emailId, threadId };
}

function packEnvelope({ from, sender, replyTo, to, cc, bcc, ...texts }: MessageEnvelope): PackedEnvelope {
  const { date, subject, inReplyTo, messageId } = texts;
  const [packedSender, packedReplyTo] = [sender, replyTo].map((list) => (list === from ? 0 : packAddresses(list)));
  return [
    [date, subject, inReplyTo, messageId],
    packAddresses(from),
    packedSender ?? 0,
    packedReplyTo ?? 0,
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
const packAddresses = (list: readonly EnvelopeAddress[] | null): PackedAddresses =>
  list?.flatMap(({ name, route, mailbox, host }) => [name, route, mailbox, host]) ?? null;

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

export const packStructure = (structure: Structure): readonly [number, PackedPart] => [VERSION, packPart(structure)];

export function unpackStructure(packed: unknown): Structure | null {
  if (!Array.isArray(packed) || packed[0] !== VERSION) return null;
  return unpackPart((packed as unknown as readonly [number, PackedPart])[1], null);
}

function packPart({ header, body, lines, type, subtype, parameters, encoding, ...rest }: Structure): PackedPart {
  const { id, description, md5, disposition, language, location, children, message } = rest;
  const fields: PackedFields = [
    id,
    description,
    md5,
    disposition && [disposition.type, disposition.parameters.flat()],
    language,
    location,
  ];
  return [
    [header.start, header.length, body.start, body.length, lines],
    type,
    subtype,
    parameters.flat(),
    encoding,
    fields.every((field) => field === null) ? 0 : fields,
    message
      ? [packPart(message), message.envelope ? packEnvelope(message.envelope) : 0, 1]
      : children.length > 0
        ? children.map(packPart)
        : 0,
  ];
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
