/**
 * Where the parts of a message's header stand, and what its own fields say. Read from the file whenever somebody wants to know: other programs
 * may have changed it, and to keep it for each message would be most of what a mailbox needs in memory.
 */
import { readSync } from "node:fs";
import { MessageScan } from "./message-scan.ts";
import type { MessageLayout } from "./place.ts";
import { FileWindow, SMALL_WINDOW_BYTES } from "./window.ts";

/** Most headers are shorter. */
const HEAD_BYTES = 4_000;
/** What is looked at in it is taken out before anybody else has a turn. */
const scratch = Buffer.alloc(HEAD_BYTES);

/** `null`: no message begins there. */
export function layoutOf(
  fd: number,
  { start, length }: { readonly start: number; readonly length: number },
): Promise<MessageLayout> | null {
  const known = scratch.subarray(0, readSync(fd, scratch, 0, Math.min(length, HEAD_BYTES), start));
  if (known.length < 5 || known.toString("latin1", 0, 5) !== "From ") return null;
  const head = headIn(known);
  const window = head ? FileWindow.holding(head, start) : new FileWindow(fd, start + length, SMALL_WINDOW_BYTES);
  return new MessageScan(window, start, "none").head();
}

/** What stands in front of the text; `null` where that cannot be told from the beginning alone. */
function headIn(bytes: Buffer): Buffer | null {
  const lf = bytes.indexOf("\n\n");
  const crlf = bytes.indexOf("\n\r\n");
  const isLf = lf >= 0 && (crlf < 0 || lf < crlf);
  if (!isLf && crlf < 0) return null;
  const body = isLf ? lf + 2 : crlf + 3;
  // A From_ line right there may be the next message.
  return bytes.length - body < 5 || bytes.toString("latin1", body, body + 5) === "From "
    ? null
    : bytes.subarray(0, body);
}

/** Where its own fields are, those of the message between them included; empty if it has none. */
export function metaSpan({ meta, fields }: Pick<MessageLayout, "meta" | "fields">): {
  readonly at: number;
  readonly length: number;
} {
  const first = meta[0];
  const last = meta.at(-1);
  return first && last ? { at: first.at, length: last.at + last.length - first.at } : { at: fields, length: 0 };
}
