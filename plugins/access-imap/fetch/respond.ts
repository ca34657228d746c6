/** One FETCH response (RFC 3501 7.4.2). Text goes to the writer at once; a section that is not in memory streams. */
import type { Selected } from "../selected.ts";
import { formatDateTime } from "../wire/date-time.ts";
import type { Writer } from "../wire/writer.ts";
import { type Decoded, decodeSection } from "./binary.ts";
import { formatBodyStructure } from "./body-structure.ts";
import { formatEnvelope } from "./envelope.ts";
import type { FetchItem } from "./fetch-item.ts";
import { type MailboxTexts, textName } from "./known-texts.ts";
import { literalText, type OctetsOut, writeLiteral } from "./literal.ts";
import type { MessageSource, Octets } from "./message-source.ts";
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

/** What of a response is no text before it is sent. */
type Part = string | OctetsOut;

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

/**
 * Everything of one message, in the order asked for; no promise where nothing has to be waited for. Throws, or rejects with,
 * `UnknownEncoding`, `BrokenLiteral` and what the store says.
 */
export function respond(how: Responding, response: Response): void | Promise<void> {
  // All that can fail is gathered first: a response that has begun must be brought to its end.
  const parts: Part[] = [];
  for (const item of response.items) {
    const part = partOf(item, response.source, how);
    if (part instanceof Promise) return respondLater(how, response, { parts, next: part });
    parts.push(part);
  }
  return tell(how.out, response, parts, 0);
}

async function respondLater(
  how: Responding,
  response: Response,
  { parts, next }: { readonly parts: Part[]; readonly next: Promise<Part> },
): Promise<void> {
  parts.push(await next);
  for (const item of response.items.slice(parts.length)) parts.push(await partOf(item, response.source, how));
  await tell(how.out, response, parts, 0);
}

/** From the part `first` on. */
function tell(out: Writer, response: Response, parts: readonly Part[], first: number): void | Promise<void> {
  for (let at = first; at < parts.length; at++) {
    const part = parts[at] ?? "";
    out.text(at === 0 ? `* ${response.number} FETCH (` : " ");
    if (typeof part === "string") {
      out.text(part);
      continue;
    }
    const wait = writeLiteral(out, part, response.source);
    if (wait) return wait.then(() => tell(out, response, parts, at + 1));
  }
  out.text(")\r\n");
}

function partOf(item: FetchItem, source: MessageSource, how: Responding): Part | Promise<Part> {
  switch (item.item) {
    case "section": {
      const known = knownText(item, source, how);
      if (known !== undefined) return known;
      const octets = source.section(item.section);
      return octets instanceof Promise
        ? octets.then((read) => sectionOut(item, source, { octets: read, how }))
        : sectionOut(item, source, { octets, how });
    }
    case "binary":
      return decodeSection(source, item.path, item.partial).then((decoded) =>
        binaryOut(`BINARY[${item.path.join(".")}]`, item.partial, decoded),
      );
    case "binarySize":
      return decodeSection(source, item.path, null).then(
        // RFC 3516 7: a number, also of what is not there.
        (decoded) => `BINARY.SIZE[${item.path.join(".")}] ${decoded?.totalBytes ?? 0}`,
      );
    case "preview":
      return item.isLazy
        ? source
            .lazyPreview()
            .then((preview) => `PREVIEW ${preview === null ? "NIL" : formatText(preview, how.strings)}`)
        : formatItem(item, source, how);
    default:
      return formatItem(item, source, how);
  }
}

type SectionItem = Extract<FetchItem, { item: "section" }>;
type Partial = SectionItem["partial"];

function sectionOut(
  item: SectionItem,
  source: MessageSource,
  { octets, how }: { readonly octets: Octets | null; readonly how: Responding },
): Part {
  const { label, partial } = item;
  const name = `${label}${partial ? `<${partial.start}>` : ""}`;
  if (octets === null) return `${name} NIL`;
  const total = octets.at === "memory" ? octets.bytes.length : octets.range.length;
  // RFC 3501 6.4.5: what reaches over the end is cut; what begins behind it is empty.
  const start = Math.min(partial?.start ?? 0, total);
  const length = Math.min(partial?.length ?? total, total - start);
  if (octets.at === "store") {
    const range = { start: octets.range.start + start, length };
    return { name, length, isNulKept: false, octets: { at: "store", range } };
  }
  const bytes = octets.bytes.subarray(start, start + length);
  const kept = textName(item);
  if (kept === null || how.texts === null) return { name, length, isNulKept: false, octets: { at: "memory", bytes } };
  return how.texts.keep(kept, source.entry.uid, literalText(name, bytes));
}

function binaryOut(label: string, partial: Partial, decoded: Decoded | null): string | OctetsOut {
  const name = `${label}${partial ? `<${partial.start}>` : ""}`;
  if (decoded === null) return `${name} NIL`;
  const { range, hasNul } = decoded;
  return { name, length: range.length, isNulKept: hasNul, octets: { at: "decoder", read: decoded.read } };
}

function formatItem(item: FetchItem, source: MessageSource, how: Responding): string {
  const { selected, strings } = how;
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
      return textOf(item, source, how, () => `ENVELOPE ${formatEnvelope(source.overview.envelope, strings)}`);
    case "body":
      return `BODY ${formatBodyStructure(source.structure, { isExtended: false, strings })}`;
    case "bodyStructure":
      return textOf(
        item,
        source,
        how,
        () => `BODYSTRUCTURE ${formatBodyStructure(source.structure, { isExtended: true, strings })}`,
      );
    case "preview":
      return `PREVIEW ${formatText(source.gist.preview, strings)}`;
    case "emailId":
      // RFC 8474 5.1
      return `EMAILID (${source.gist.emailId})`;
    case "threadId":
      // RFC 8474 5.2
      return `THREADID (${source.gist.threadId})`;
    case "section":
      return textOf(item, source, how, notGathered);
    case "binary":
    case "binarySize":
      return notGathered();
  }
}

function notGathered(): never {
  throw new TypeError("octets are gathered before");
}

function knownText(item: FetchItem, { entry }: MessageSource, { texts }: Responding): string | undefined {
  const name = texts && textName(item);
  return name ? texts.get(name, entry.uid) : undefined;
}

/** As it is known, else made now and kept. */
function textOf(item: FetchItem, source: MessageSource, how: Responding, make: () => string): string {
  const known = knownText(item, source, how);
  if (known !== undefined) return known;
  const name = textName(item);
  return how.texts && name ? how.texts.keep(name, source.entry.uid, make()) : make();
}
