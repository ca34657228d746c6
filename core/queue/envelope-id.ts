/**
 * Envelope ids: short, unique, in order of time, and safe in header fields, log lines and file names. Nine characters of
 * time, four of a counter that starts at random each millisecond, then the worker. Time that runs backwards is not followed.
 */
import { randomInt } from "node:crypto";
import type { Clock } from "../contracts/clock.ts";

// Crockford's base 32 in lower case: no letter looks like a digit, and the order of its characters is the order of numbers.
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARACTERS = 9;
const COUNTER_CHARACTERS = 4;
const COUNTER_LIMIT = 32 ** COUNTER_CHARACTERS;

export function createEnvelopeIds(source: {
  readonly clock: Clock;
  /** Number of the worker, unique among the processes that share a spool. */
  readonly worker: number;
  /** A whole number from 0, below the limit. */
  readonly random?: (limit: number) => number;
}): () => string {
  const random = source.random ?? randomInt;
  const worker = encode(source.worker, 1);
  let lastMs = 0;
  let counter = 0;
  let time = "";
  return () => {
    const nowMs = source.clock.now();
    counter += 1;
    if (nowMs > lastMs || counter >= COUNTER_LIMIT) {
      lastMs = Math.max(nowMs, lastMs + 1);
      time = encode(lastMs, TIME_CHARACTERS);
      // The lower half, so that there is room to count on.
      counter = random(COUNTER_LIMIT / 2);
    }
    return time + encode(counter, COUNTER_CHARACTERS) + worker;
  };
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
