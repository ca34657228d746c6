/** One FETCH response (RFC 3501 7.4.2). Text goes to the writer at once; a section that is not in memory streams. */
import type { Selected } from "../selected.ts";
import { formatDateTime } from "../wire/date-time.ts";
import type { Writer } from "../wire/writer.ts";
import { type Decoded, decodeSection } from "./binary.ts";
import { formatBodyStructure } from "./body-structure.ts";
import { formatEnvelope } from "./envelope.ts";
import type { FetchItem } from "./fetch-item.ts";
import type { MailboxTexts, Texts } from "./known-texts.ts";
import { type OctetsOut, writeLiteral } from "./literal.ts";
import type { MessageSource, Octets } from "./message-source.ts";
import { formatSection } from "./section.ts";
import { formatText, type Strings } from "./strings.ts";

/** How the responses of one FETCH are made. */
export interface Responding {
  readonly out: Writer;
  readonly selected: Selected;
  readonly strings: Strings;
  /** `null`: this client is told them in another way. */
  readonly texts: MailboxTexts | null;
}

export interface Response {
  readonly number: number;
  readonly items: readonly FetchItem[];
  readonly source: MessageSource;
}

/** Items that are octets of the message, or that have to be waited for. */
const isGathered = ({ item }: FetchItem): boolean => item === "section" || item === "binary" || item === "binarySize";
export const needsGathering = (items: readonly FetchItem[]): boolean =>
  items.some((item) => isGathered(item) || (item.item === "preview" && item.isLazy));

/** A message of which nothing but texts is asked for. */
export function respondAtOnce(how: Responding, { number, items, source }: Response): void {
  let line = `* ${number} FETCH (`;
  let separator = "";
  for (const item of items) {
    line += separator + formatItem(item, source, how);
    separator = " ";
  }
  how.out.line(`${line})`);
}

/** Everything of one message, in the order asked for. Throws `UnknownEncoding`, `BrokenLiteral` and what the store says. */
export async function respond(how: Responding, { number, items, source }: Response): Promise<void> {
  const { out } = how;
  // All that can fail is gathered first: a response that has begun must be brought to its end.
  const gathered = new Map<FetchItem, string | OctetsOut>();
  for (const item of items) {
    const found = await gather(item, source, how.strings);
    if (found !== null) gathered.set(item, found);
  }
  let separator = `* ${number} FETCH (`;
  for (const item of items) {
    const found = gathered.get(item) ?? formatItem(item, source, how);
    out.text(separator);
    separator = " ";
    if (typeof found === "string") out.text(found);
    else await writeLiteral(out, found, source);
  }
  out.text(")\r\n");
}

async function gather(item: FetchItem, source: MessageSource, strings: Strings): Promise<string | OctetsOut | null> {
  switch (item.item) {
    case "section": {
      const label = item.label ?? `BODY[${formatSection(item.section)}]`;
      return sectionOut(label, item.partial, await source.section(item.section));
    }
    case "binary":
      return binaryOut(
        `BINARY[${item.path.join(".")}]`,
        item.partial,
        await decodeSection(source, item.path, item.partial),
      );
    case "binarySize": {
      // RFC 3516 7: a number, also of what is not there.
      const size = (await decodeSection(source, item.path, null))?.totalBytes ?? 0;
      return `BINARY.SIZE[${item.path.join(".")}] ${size}`;
    }
    case "preview": {
      if (!item.isLazy) return null;
      const preview = await source.lazyPreview();
      return `PREVIEW ${preview === null ? "NIL" : formatText(preview, strings)}`;
    }
    default:
      return null;
  }
}

type Partial = Extract<FetchItem, { item: "section" }>["partial"];

function sectionOut(label: string, partial: Partial, octets: Octets | null): string | OctetsOut {
  const name = `${label}${partial ? `<${partial.start}>` : ""}`;
  if (octets === null) return `${name} NIL`;
  const total = octets.at === "memory" ? octets.bytes.length : octets.range.length;
  // RFC 3501 6.4.5: what reaches over the end is cut; what begins behind it is empty.
  const start = Math.min(partial?.start ?? 0, total);
  const length = Math.min(partial?.length ?? total, total - start);
  return {
    name,
    length,
    // RFC 3501 9: CHAR8 is any octet but NUL.
    isNulKept: false,
    octets:
      octets.at === "memory"
        ? { at: "memory", bytes: octets.bytes.subarray(start, start + length) }
        : { at: "store", range: { start: octets.range.start + start, length } },
  };
}

function binaryOut(label: string, partial: Partial, decoded: Decoded | null): string | OctetsOut {
  const name = `${label}${partial ? `<${partial.start}>` : ""}`;
  if (decoded === null) return `${name} NIL`;
  const { range, hasNul } = decoded;
  return { name, length: range.length, isNulKept: hasNul, octets: { at: "decoder", read: decoded.read } };
}

function formatItem(item: FetchItem, source: MessageSource, { selected, strings, texts }: Responding): string {
  const { entry } = source;
  switch (item.item) {
    case "flags":
      return selected.formatFlags(entry);
    case "modseq":
      // RFC 7162 3.1.4.2
      return `MODSEQ (${entry.modseq})`;
    case "uid":
      return `UID ${entry.uid}`;
    case "internalDate":
      return `INTERNALDATE ${formatDateTime(entry.internalDate)}`;
    case "saveDate":
      // RFC 8514 4.2: NIL where nobody knows.
      return `SAVEDATE ${entry.saveDate === null ? "NIL" : formatDateTime(entry.saveDate)}`;
    case "size":
      return `RFC822.SIZE ${entry.sizeBytes}`;
    case "envelope":
      return textOf("envelope", source, texts, () => `ENVELOPE ${formatEnvelope(source.overview.envelope, strings)}`);
    case "body":
      return `BODY ${formatBodyStructure(source.structure, { isExtended: false, strings })}`;
    case "bodyStructure":
      return textOf(
        "bodyStructure",
        source,
        texts,
        () => `BODYSTRUCTURE ${formatBodyStructure(source.structure, { isExtended: true, strings })}`,
      );
    case "preview":
      return `PREVIEW ${formatText(source.overview.preview, strings)}`;
    case "emailId":
      // RFC 8474 5.1
      return `EMAILID (${source.overview.emailId})`;
    case "threadId":
      // RFC 8474 5.2
      return `THREADID (${source.overview.threadId})`;
    case "section":
    case "binary":
    case "binarySize":
      throw new TypeError("octets are gathered before");
  }
}

function textOf(
  what: keyof Texts,
  { entry: { uid } }: MessageSource,
  texts: MailboxTexts | null,
  make: () => string,
): string {
  const known = texts?.get(uid)?.[what];
  if (known !== undefined) return known;
  // In one piece, as it may be kept for long.
  const text = Buffer.from(make(), "latin1").toString("latin1");
  texts?.keep(uid, what, text);
  return text;
}
