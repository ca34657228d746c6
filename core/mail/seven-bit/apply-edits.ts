/** A stream of octets with some of them replaced or encoded. Edits are in order and do not overlap. Rejects as the source does. */
import { Base64Encoder, QuotedPrintableEncoder, type TransferEncoder } from "./encoders.ts";
import type { Edit } from "./plan.ts";

export async function* applyEdits(
  content: AsyncIterable<Uint8Array>,
  edits: readonly Edit[],
): AsyncGenerator<Uint8Array> {
  const waiting = edits[Symbol.iterator]();
  let edit = next(waiting);
  let encoder: TransferEncoder | null = null;
  let position = 0;
  for await (const piece of content) {
    const end = position + piece.length;
    let at = position;
    while (at < end) {
      if (!edit || edit.start >= end) {
        yield piece.subarray(at - position);
        break;
      }
      if (edit.start > at) yield piece.subarray(at - position, edit.start - position);
      at = Math.max(at, edit.start);
      const to = Math.min(edit.end, end);
      if (edit.do !== "replace") {
        encoder ??= edit.do === "base64" ? new Base64Encoder() : new QuotedPrintableEncoder();
        yield encoder.write(piece.subarray(at - position, to - position));
      }
      at = to;
      if (to < edit.end) break;
      if (edit.do === "replace") yield edit.bytes;
      else if (encoder) yield encoder.end();
      encoder = null;
      edit = next(waiting);
    }
    position = end;
  }
}

function next(edits: Iterator<Edit>): Edit | null {
  const { value, done } = edits.next();
  return done ? null : value;
}
