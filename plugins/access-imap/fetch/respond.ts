/** One FETCH response (RFC 3501 7.4.2). Text goes to the writer at once; a section that is not in memory streams. */
import type { Selected } from "../selected.ts";
import { formatDateTime } from "../wire/date-time.ts";
import type { Writer } from "../wire/writer.ts";
import { formatBodyStructure } from "./body-structure.ts";
import { formatEnvelope } from "./envelope.ts";
import type { FetchItem } from "./fetch-item.ts";
import type { MessageSource, Octets } from "./message-source.ts";
import { formatSection } from "./section.ts";

/** A literal was announced and its octets cannot be had: nothing but the end of the connection keeps the client sane. */
export class BrokenLiteral extends Error {}

type SectionItem = Extract<FetchItem, { item: "section" }>;

/** The items that need nothing but the entry. */
export function formatSimpleItem(
  { item }: FetchItem,
  { entry }: Pick<MessageSource, "entry">,
  selected: Selected,
): string | null {
  switch (item) {
    case "flags":
      return selected.formatFlags(entry);
    case "modseq":
      // RFC 7162 3.1.4.2
      return `MODSEQ (${entry.modseq})`;
    case "uid":
      return `UID ${entry.uid}`;
    case "internalDate":
      return `INTERNALDATE ${formatDateTime(entry.internalDate)}`;
    case "size":
      return `RFC822.SIZE ${entry.sizeBytes}`;
    default:
      return null;
  }
}

/** Everything of one message, in the order asked for. */
export async function respond(
  out: Writer,
  {
    number,
    items,
    source,
    selected,
  }: {
    readonly number: number;
    readonly items: readonly FetchItem[];
    readonly source: MessageSource;
    readonly selected: Selected;
  },
): Promise<void> {
  // All that can fail is gathered first: a response that has begun must be brought to its end.
  const sections = new Map<FetchItem, Octets | null>();
  for (const item of items) {
    if (item.item === "section") sections.set(item, await source.section(item.section));
    else if (item.item === "body" || item.item === "bodyStructure") await source.loadInnerEnvelopes(source.structure);
  }
  let separator = `* ${number} FETCH (`;
  for (const item of items) {
    out.text(separator);
    separator = " ";
    if (item.item === "section") await writeSection(out, { item, octets: sections.get(item) ?? null, source });
    else out.text(formatItem(item, source, selected));
  }
  out.text(")\r\n");
}

function formatItem(item: FetchItem, source: MessageSource, selected: Selected): string {
  const envelopeOf = (message: MessageSource["structure"]) => source.innerEnvelopes.get(message) ?? source.envelope;
  switch (item.item) {
    case "envelope":
      return `ENVELOPE ${formatEnvelope(source.envelope)}`;
    case "body":
      return `BODY ${formatBodyStructure(source.structure, { isExtended: false, envelopeOf })}`;
    case "bodyStructure":
      return `BODYSTRUCTURE ${formatBodyStructure(source.structure, { isExtended: true, envelopeOf })}`;
    default:
      return formatSimpleItem(item, source, selected) ?? "";
  }
}

async function writeSection(
  out: Writer,
  {
    item,
    octets,
    source,
  }: { readonly item: SectionItem; readonly octets: Octets | null; readonly source: MessageSource },
): Promise<void> {
  const { section, partial, label } = item;
  out.text(`${label ?? `BODY[${formatSection(section)}]`}${partial ? `<${partial.start}>` : ""} `);
  if (octets === null) {
    out.text("NIL");
    return;
  }
  const total = octets.at === "memory" ? octets.bytes.length : octets.range.length;
  // RFC 3501 6.4.5: what reaches over the end is cut; what begins behind it is empty.
  const start = Math.min(partial?.start ?? 0, total);
  const length = Math.min(partial?.length ?? total, total - start);
  out.text(`{${length}}\r\n`);
  if (length === 0) return;
  if (octets.at === "memory") {
    out.octets(octets.bytes.subarray(start, start + length));
    const wait = out.flushIfFull();
    if (wait) await wait;
  } else await streamOctets(out, source, { start: octets.range.start + start, length });
}

async function streamOctets(
  out: Writer,
  source: MessageSource,
  range: { readonly start: number; readonly length: number },
): Promise<void> {
  let left = range.length;
  try {
    for await (const piece of await source.stream(range)) {
      const bytes = (piece as Buffer).subarray(0, left);
      left -= bytes.length;
      out.octets(bytes);
      const wait = out.flushIfFull();
      if (wait) await wait;
    }
  } catch (cause) {
    throw new BrokenLiteral("message cannot be read to its end", { cause });
  }
  if (left > 0) throw new BrokenLiteral("message is shorter than its size says");
}
