/**
 * BINARY and BINARY.SIZE (RFC 3516): a part without its content-transfer-encoding. A small one is decoded in memory; of a large one the
 * size is counted first, and it is decoded once more while it is sent, as a literal begins with its size.
 */
import { decodeTransferEncoding, isTransferEncoding, type OctetRange, transferDecoder } from "postern/mail";
import type { Partial } from "./fetch-item.ts";
import type { MessageSource } from "./message-source.ts";
import { partAt } from "./section.ts";

/** RFC 3516 4.3: the content-transfer-encoding is none that this server knows. */
export class UnknownEncoding extends Error {}

/** Octets as they are sent, or the way to them. */
export interface Decoded {
  /** Of the whole part. */
  readonly totalBytes: number;
  /** What was asked for of it. */
  readonly range: OctetRange;
  /** In what was asked for. */
  readonly hasNul: boolean;
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** `null`: there is no such part. Throws `UnknownEncoding`, and what the store says. */
export async function decodeSection(
  source: MessageSource,
  path: readonly number[],
  partial: Partial | null,
): Promise<Decoded | null> {
  const found = locateEncoded(source, path);
  if (found === null) return null;
  const octets = source.octets(found.range);
  if (octets.at === "memory") {
    const all = decodeTransferEncoding(octets.bytes, found.encoding);
    const range = cut(partial, all.length);
    const bytes = all.subarray(range.start, range.start + range.length);
    return { totalBytes: all.length, range, hasNul: bytes.includes(0), read: () => [bytes] };
  }
  const read = () => decoded(source, octets.range, found.encoding);
  let totalBytes = 0;
  let hasNul = false;
  const wanted = partial ?? { start: 0, length: Number.POSITIVE_INFINITY };
  for await (const piece of read()) {
    hasNul ||= within(piece, totalBytes, wanted).includes(0);
    totalBytes += piece.length;
  }
  const range = cut(partial, totalBytes);
  return { totalBytes, range, hasNul, read: () => onlyRange(read(), range) };
}

function locateEncoded(
  source: MessageSource,
  path: readonly number[],
): { readonly range: OctetRange; readonly encoding: string } | null {
  // RFC 3516 4.2: a section without numbers is the whole message, which has no encoding of its own.
  if (path.length === 0) return { range: { start: 0, length: source.entry.sizeBytes }, encoding: "binary" };
  const part = partAt(path, source.structure);
  if (part === null) return null;
  // RFC 3516 4.3
  if (!isTransferEncoding(part.encoding)) throw new UnknownEncoding(`content-transfer-encoding is not known`);
  // RFC 2045 6.4: nothing but identities for what has parts, whatever it says.
  return { range: part.body, encoding: part.type === "multipart" ? "binary" : part.encoding };
}

/** RFC 3516 4.2: what reaches over the end of the decoded octets is cut; what begins behind it is empty. */
function cut(partial: Partial | null, totalBytes: number): OctetRange {
  const start = Math.min(partial?.start ?? 0, totalBytes);
  return { start, length: Math.min(partial?.length ?? totalBytes, totalBytes - start) };
}

async function* decoded(source: MessageSource, range: OctetRange, encoding: string): AsyncGenerator<Uint8Array> {
  const decoder = transferDecoder(encoding);
  for await (const piece of await source.stream(range)) yield decoder.write(piece as Buffer);
  yield decoder.end();
}

/** The part of a piece that stands at `at` which is in `range`. */
const within = (piece: Uint8Array, at: number, { start, length }: OctetRange): Uint8Array =>
  piece.subarray(Math.max(0, start - at), Math.max(0, start + length - at));

async function* onlyRange(pieces: AsyncIterable<Uint8Array>, range: OctetRange): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of pieces) {
    const wanted = within(piece, at, range);
    if (wanted.length > 0) yield wanted;
    at += piece.length;
    if (at >= range.start + range.length) return;
  }
}
