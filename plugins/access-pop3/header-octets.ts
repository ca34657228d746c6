/** Whether a message's header has octets beyond ASCII (RFC 6532), which clients without UTF8 need not understand. */
import { headerEnd } from "postern/mail";
import type { Mailbox } from "postern/plugin";

/** A header that is longer is looked at so far. */
const HEADER_BYTES = 512 * 1024;

export async function asksForUtf8(
  mailbox: Mailbox,
  { uid, whole }: { readonly uid: number; readonly whole: Buffer | null },
): Promise<boolean> {
  const head = whole ?? (await start(mailbox, uid));
  const end = headerEnd(head);
  return hasBeyondAscii(end < 0 ? head : head.subarray(0, end));
}

async function start(mailbox: Mailbox, uid: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await mailbox.content(uid, { start: 0, length: HEADER_BYTES }))
    pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const hasBeyondAscii = (octets: Buffer): boolean => /[\u0080-\u00ff]/.test(octets.toString("latin1"));
