/** Reads one message and makes the record that the index keeps of it. Rejects with what the store says. */
import { parseStructure, type ReadOctets, TextScan } from "postern/mail";
import type { Mailbox, MessageEntry } from "postern/plugin";
import type { TailRecord } from "./tail.ts";
import type { Signature } from "./trigrams.ts";
import { widthFor } from "./widths.ts";

/** Messages up to here are read whole. */
const wholeBytes = 524_288;
const pieceBytes = 65_536;
const nothing = Buffer.alloc(0);

/** `signature` is used for one message after the other. */
export async function signMessage(
  mailbox: Mailbox,
  { uid, sizeBytes }: MessageEntry,
  { signature, breathe }: { readonly signature: Signature; readonly breathe: () => void | Promise<void> },
): Promise<TailRecord> {
  signature.clear();
  const whole = sizeBytes <= wholeBytes ? await mailbox.bytes(uid, wholeBytes) : null;
  const structure = whole ? parseStructure(whole) : await mailbox.structure(uid);
  const read: ReadOctets = whole
    ? ({ start, length }) => piecesOf(whole.subarray(start, start + length))
    : (range) => mailbox.content(uid, range);
  const scan = new TextScan(read, breathe);
  await scan.header(structure, signature);
  await scan.body(structure, signature);
  const width = widthFor(signature.count);
  return { uid, width: width?.id ?? 0, bits: width ? signature.narrowedTo(width.places) : nothing };
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
