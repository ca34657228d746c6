/**
 * Compares a file with what is known of it. Messages are looked at where they are known to be: their From_ and their own fields, not their
 * text. From the first on that is not there any more, the file is read anew. Of a large mailbox that has only grown, just its first and last
 * message are looked at, and the rest later.
 */

import {
  Breather,
  errnoOf,
  layoutOf,
  type MboxBase,
  type MboxQuoting,
  type MessageLayout,
  type ScannedMessage,
  SMALL_WINDOW_BYTES,
  scanMbox,
} from "postern/store";
import type { Message } from "./message.ts";

/** So many messages are looked at whenever something has changed. */
const MAX_EACH_TIME = 2_000;

export interface Compared {
  /** Messages, the one that is none included, that still stand where they stood: so many from the beginning. */
  readonly kept: number;
  /** What the first of them says of the mailbox. */
  readonly base: MboxBase | null;
  /** Of these, what others have changed in their fields. */
  readonly reread: ReadonlyMap<Message, ScannedMessage>;
  /** What stands behind them: read when it is asked for, as there may be very many. */
  readonly rest: AsyncIterable<ScannedMessage>;
  /** The first of these. */
  readonly first: ScannedMessage | null;
  /** The others were not looked at. */
  readonly isDoubtful: boolean;
}

export interface Comparing {
  readonly fd: number;
  readonly size: number;
  readonly quoting: MboxQuoting;
  /** Where the last message ends. */
  readonly end: number;
  /** The flags that a message is known to have. */
  readonly flagsOf: (message: Message) => ReadonlySet<string>;
  readonly isThorough: boolean;
}

export async function compareWithFile(messages: readonly Message[], how: Comparing): Promise<Compared> {
  const hasGrown = how.size > how.end && messages.length > MAX_EACH_TIME && !how.isThorough;
  if (hasGrown) {
    const ends = [...new Set([messages[0], messages.at(-1)])].filter((message) => message !== undefined);
    const seen = await lookAt(ends, how);
    const found = seen.kept === ends.length ? await scanFrom(how.end, how) : null;
    if (found) return { ...seen, ...found, kept: messages.length, isDoubtful: true };
  }
  const seen = await lookAt(messages, how);
  // What is behind the last one must begin a message, else the last one has become longer.
  for (let kept = seen.kept; kept > 0; kept--) {
    const from = messages[kept - 1]?.behind ?? 0;
    const found = from <= how.size ? await scanFrom(from, how) : null;
    if (found) return { ...seen, ...found, kept, isDoubtful: false };
  }
  const found = await peeked(scanMbox(how.fd, { ...how, from: 0, to: how.size }));
  return { kept: 0, base: null, reread: new Map(), ...found, isDoubtful: false };
}

type Seen = Pick<Compared, "kept" | "base" | "reread">;

async function lookAt(messages: readonly Message[], how: Comparing): Promise<Seen> {
  const { fd, size, quoting } = how;
  const reread = new Map<Message, ScannedMessage>();
  const breather = new Breather();
  let base: MboxBase | null = null;
  for (const [index, message] of messages.entries()) {
    const { start, length } = message;
    if (breather.isDue) await breather.pause();
    const layout = message.behind > size ? null : await layoutOf(fd, message);
    if (!layout) return { kept: Math.max(0, index - 1), base, reread };
    if (index === 0) base = layout.facts.base;
    if (isAsKnown(layout, message, how.flagsOf(message))) continue;
    const [first] = await some(scanMbox(fd, { from: start, to: size, quoting, windowBytes: SMALL_WINDOW_BYTES }), 1);
    // The same place, but not the same message.
    if (first?.place.length !== length || first.facts.uid !== message.uid) return { kept: index, base, reread };
    reread.set(message, first);
  }
  return { kept: messages.length, base, reread };
}

/** Whether its own fields say what they are known to say. One that has been told of as recent stays so, whatever others write. */
export function isAsKnown({ facts }: MessageLayout, message: Message, flags: ReadonlySet<string>): boolean {
  return (
    facts.uid === message.uid &&
    (message.isOld || !facts.isOld) &&
    (message.uid === 0 || (facts.flags.length === flags.size && facts.flags.every((flag) => flags.has(flag))))
  );
}

/** `null`: no message begins there. */
async function scanFrom(
  from: number,
  { fd, size, quoting }: Comparing,
): Promise<Pick<Compared, "first" | "rest"> | null> {
  try {
    return await peeked(scanMbox(fd, { from, to: size, quoting }));
  } catch (cause) {
    if (errnoOf(cause) !== "corruption") throw cause;
    return null;
  }
}

async function peeked(messages: AsyncGenerator<ScannedMessage>): Promise<Pick<Compared, "first" | "rest">> {
  const { value: first = null } = (await messages.next()) as { readonly value?: ScannedMessage | null };
  async function* rest() {
    if (first) yield first;
    yield* messages;
  }
  return { first, rest: rest() };
}

async function some(messages: AsyncIterable<ScannedMessage>, limit: number): Promise<readonly ScannedMessage[]> {
  const found: ScannedMessage[] = [];
  for await (const one of messages) {
    found.push(one);
    if (found.length >= limit) break;
  }
  return found;
}
