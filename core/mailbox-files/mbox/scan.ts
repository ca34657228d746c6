/** The messages of an mbox, one behind the other. A file that does not begin with one throws `NoMbox`. */
import { StoreError } from "../../contracts/mailbox-store.ts";
import { LOOK_BYTES, MessageScan } from "./message-scan.ts";
import type { ScannedMessage } from "./place.ts";
import type { MboxQuoting } from "./quoting.ts";
import { FileWindow } from "./window.ts";

const LF = 10;
const CR = 13;

export class NoMbox extends StoreError {
  constructor() {
    super("corruption", "This file is no mbox");
  }
}

interface Scanning {
  readonly from: number;
  readonly to: number;
  readonly quoting: MboxQuoting;
  /** How much is read at once. */
  readonly windowBytes?: number;
}

/** Messages from `from`, which is where one begins, to `to`, which is the end of the file. */
export async function* scanMbox(
  fd: number,
  { from, to, quoting, windowBytes }: Scanning,
): AsyncGenerator<ScannedMessage> {
  const window = new FileWindow(fd, to, windowBytes);
  let position = from;
  for (;;) {
    if (!window.has(position, LOOK_BYTES)) await window.move(position);
    position += emptyLines(window, position);
    if (position >= window.to) return;
    const scan = new MessageScan(window, position, quoting);
    const found = await scan.run();
    if (!found) throw new NoMbox();
    yield found;
    position = found.place.start + found.place.length;
  }
}

/** Octets of empty lines. */
function emptyLines({ bytes, base }: FileWindow, position: number): number {
  const from = position - base;
  let at = from;
  while (bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF)) at += bytes[at] === CR ? 2 : 1;
  return at - from;
}
