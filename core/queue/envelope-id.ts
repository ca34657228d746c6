/**
 * Envelope ids: short, unique, in order of time, and safe in header fields, log lines and file names. Nine characters of
 * time, four of a counter that starts at random each millisecond, three that tell senders apart, then the worker. Time that runs backwards
 * is not followed.
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../contracts/clock.ts";

// Crockford's base 32 in lower case: no letter looks like a digit, and the order of its characters is the order of numbers.
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 9;
const COUNTER_CHARACTERS = 4;
const COUNTER_LIMIT = 32 ** COUNTER_CHARACTERS;
const SENDER_AT = TIME_CHARACTERS + COUNTER_CHARACTERS;
const SENDER_CHARACTERS = 3;
const SENDER_LIMIT = 32 ** SENDER_CHARACTERS;

/** Whose turn a message takes, told from its id alone: a hash of its sender. Two senders may share one; then they share their turns. */
export const senderOf = (id: string): string => id.slice(SENDER_AT, SENDER_AT + SENDER_CHARACTERS);

export function createEnvelopeIds(source: {
  readonly clock: Clock;
  /** Number of the worker, unique among the processes that share a spool. */
  readonly worker: number;
  /** A whole number from 0, below the limit. */
  readonly random?: (limit: number) => number;
}): (sender: string) => string {
  const random = source.random ?? randomInt;
  const worker = encode(source.worker, 1);
  // Another one at each start, so that nobody can choose an address that takes somebody else's turns.
  const seed = random(SEED_LIMIT);
  let lastMs = 0;
  let counter = 0;
  let time = "";
  return (sender) => {
    const nowMs = source.clock.now();
    counter += 1;
    if (nowMs > lastMs || counter >= COUNTER_LIMIT) {
      lastMs = Math.max(nowMs, lastMs + 1);
      time = encode(lastMs, TIME_CHARACTERS);
      // The lower half, so that there is room to count on.
      counter = random(COUNTER_LIMIT / 2);
    }
    return time + encode(counter, COUNTER_CHARACTERS) + encode(hash(sender, seed), SENDER_CHARACTERS) + worker;
  };
}

const SEED_LIMIT = 2 ** 32;

/** FNV-1a with a seed, folded. */
function hash(text: string, seed: number): number {
  let value = (0x811c9dc5 ^ seed) | 0;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return ((value >>> 17) ^ value) & (SENDER_LIMIT - 1);
}

function encode(value: number, characters: number): string {
  let rest = value;
  let text = "";
  while (text.length < characters || rest > 0) {
    text = (DIGITS[rest % 32] ?? "") + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
