/** Makes new inputs out of old ones, octet by octet: what a protocol's author did not think of. */
import type { Random } from "./random.ts";

/** What line-based parsers trip over. */
const tokens: readonly Buffer[] = [
  ...'\r\n|\r|\n|\0|.|..|\r\n.\r\n|\n.\n|\r.\r|\n.\r\n|\r\n.\n|\r\r\n|\r\n\r\n| |\t|:|;|,|"|\\|<|>|<>|@|[|]|(|)|=|=?|?=|+|+0D+0A|-|--|%|LAST|0|-1|65535|2147483648|18446744073709551616|1e9|\x7f|\x80|\xff|\xc3\xbc|\xef\xbf\xbd|\xed\xa0\x80'.split(
    "|",
  ),
].map((token) => Buffer.from(token, "latin1"));

const LONGEST_BYTES = 64 * 1024;

export interface Material {
  readonly corpus: readonly Buffer[];
  /** Words of the language beside the usual troublemakers. */
  readonly words?: readonly string[];
}

export function mutate(random: Random, { corpus, words = [] }: Material): Buffer {
  let octets: Buffer = Buffer.from(corpus.length === 0 ? "" : random.pick(corpus));
  const steps = 1 + random.below(random.chance(0.2) ? 20 : 4);
  for (let step = 0; step < steps; step++) octets = change(octets, random, corpus, words);
  return octets.length > LONGEST_BYTES ? octets.subarray(0, LONGEST_BYTES) : octets;
}

function change(octets: Buffer, random: Random, corpus: readonly Buffer[], words: readonly string[]): Buffer {
  const at = random.below(octets.length + 1);
  const end = Math.min(octets.length, at + (random.chance(0.8) ? random.below(8) : random.below(octets.length + 1)));
  switch (random.below(9)) {
    case 0: // another octet
      return splice(octets, at, at + 1, Buffer.of(random.below(256)));
    case 1: // one bit
      return splice(octets, at, at + 1, Buffer.of((octets[at] ?? 0) ^ (1 << random.below(8))));
    case 2: // taken away
      return splice(octets, at, end, Buffer.alloc(0));
    case 3: // given twice
      return splice(octets, at, at, octets.subarray(at, end));
    case 4: // given very often
      return splice(octets, at, at, repeated(octets.subarray(at, Math.min(end, at + 16)), 1 + random.below(500)));
    case 5: // a troublemaker
      return splice(octets, at, random.chance(0.5) ? at : end, random.pick(tokens));
    case 6: // a word of the language
      return words.length === 0 ? octets : splice(octets, at, at, Buffer.from(random.pick(words)));
    case 7: {
      // a piece of another
      if (corpus.length === 0) return octets;
      const other = random.pick(corpus);
      const from = random.below(other.length + 1);
      return splice(octets, at, end, other.subarray(from, from + random.below(200)));
    }
    default: // cut off
      return octets.subarray(0, at);
  }
}

const splice = (octets: Buffer, from: number, to: number, put: Uint8Array): Buffer =>
  Buffer.concat([octets.subarray(0, from), put, octets.subarray(to)]);

const repeated = (octets: Buffer, times: number): Buffer =>
  octets.length === 0 ? octets : Buffer.alloc(octets.length * times, octets);
