/**
 * Compares a file with what is known of it. Messages are looked at where they are known to be: their From_ and their own fields, not their
 * text. From the first on that is not there any more, the file is read anew. Of a large mailbox that has only grown, just its first and last
 * message are looked at, and the rest later.
 */

import { readSync } from "node:fs";
import { Breather, errnoOf } from "postern/store";
import { fieldsCrc } from "./alter.ts";
import type { MailboxState } from "./mailbox-state.ts";
import type { Message } from "./message.ts";
import { type Quoting, type Scanned, scanMessages } from "./scan.ts";
import { SMALL_WINDOW } from "./window.ts";

/** So many messages are looked at whenever something has changed. */
const MAX_EACH_TIME = 2_000;

export interface Compared {
  /** Messages, the one that is none included, that still stand where they stood: so many from the beginning. */
  readonly kept: number;
  /** Of these, what others have changed in their fields. */
  readonly reread: ReadonlyMap<Message, Scanned>;
  /** What stands behind them. */
  readonly scanned: readonly Scanned[];
  /** The others were not looked at. */
  readonly isDoubtful: boolean;
}

export interface Comparing {
  readonly fd: number;
  readonly size: number;
  readonly quoting: Quoting;
  readonly isThorough: boolean;
}

export async function compareWithFile(state: MailboxState, how: Comparing): Promise<Compared> {
  const messages = [...state.messages()];
  const hasGrown = how.size > state.look.end && messages.length > MAX_EACH_TIME && !how.isThorough;
  if (hasGrown) {
    const ends = [...new Set([messages[0], messages.at(-1)])].filter((message) => message !== undefined);
    const seen = await lookAt(ends, how);
    if (seen.kept === ends.length) {
      const scanned = await scanFrom(state.look.end, how);
      if (scanned) return { kept: messages.length, reread: seen.reread, scanned, isDoubtful: true };
    }
  }
  const seen = await lookAt(messages, how);
  // What is behind the last one must begin a message, else the last one has become longer.
  for (let kept = seen.kept; ; kept--) {
    const last = messages[kept - 1];
    const from = last ? last.place.start + last.place.length : 0;
    const scanned = from <= how.size ? await scanFrom(from, how) : null;
    if (scanned) return { kept, reread: seen.reread, scanned, isDoubtful: false };
    if (kept === 0)
      return {
        kept,
        reread: new Map(),
        scanned: [...(await all(scanMessages(how.fd, { ...how, from: 0, to: how.size })))],
        isDoubtful: false,
      };
  }
}

async function lookAt(
  messages: readonly Message[],
  { fd, size, quoting }: Comparing,
): Promise<{ readonly kept: number; readonly reread: ReadonlyMap<Message, Scanned> }> {
  const reread = new Map<Message, Scanned>();
  const breather = new Breather();
  for (const [index, message] of messages.entries()) {
    const { start, length } = message.place;
    if (breather.isDue) await breather.pause();
    if (start + length > size || !isFromAt(fd, start)) return { kept: Math.max(0, index - 1), reread };
    if (fieldsCrc(fd, message.place) === message.crc) continue;
    const [first] = await all(scanMessages(fd, { from: start, to: size, quoting, windowBytes: SMALL_WINDOW }), 1);
    // The same place, but not the same message.
    if (first?.place.length !== length || first.facts.uid !== message.uid) return { kept: index, reread };
    reread.set(message, first);
  }
  return { kept: messages.length, reread };
}

function isFromAt(fd: number, position: number): boolean {
  const bytes = Buffer.alloc(5);
  return readSync(fd, bytes, 0, 5, position) === 5 && bytes.toString("latin1") === "From ";
}

/** `null`: no message begins there. */
async function scanFrom(from: number, { fd, size, quoting }: Comparing): Promise<readonly Scanned[] | null> {
  try {
    return await all(scanMessages(fd, { from, to: size, quoting }));
  } catch (cause) {
    if (errnoOf(cause) !== "corruption") throw cause;
    return null;
  }
}

async function all(messages: AsyncIterable<Scanned>, limit = Number.POSITIVE_INFINITY): Promise<readonly Scanned[]> {
  const found: Scanned[] = [];
  for await (const one of messages) {
    found.push(one);
    if (found.length >= limit) break;
  }
  return found;
}
