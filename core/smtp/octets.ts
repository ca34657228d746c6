/** Octets that mean something on the wire, and how they are found. */

export const NUL = 0;
export const TAB = 9;
export const LF = 10;
export const CR = 13;
export const SPACE = 32;
export const DOT = 46;

/** So far we look ourselves: a call into native code costs more than a few comparisons, and bodies of dots are made of those. */
const NEAR = 8;

/** The length of the chunk where there is none. Native code is many times faster than looking at each octet of a usual line. */
export function positionOf(chunk: Buffer, octet: number, from: number): number {
  const { length } = chunk;
  const near = Math.min(from + NEAR, length);
  for (let at = from; at < near; at++) if (chunk[at] === octet) return at;
  if (near >= length) return length;
  const at = chunk.indexOf(octet, near);
  return at < 0 ? length : at;
}

/** Moves `[from, end)` down to `to`. */
export function moveDown(chunk: Buffer, to: number, from: number, end: number): void {
  if (from === to || from >= end) return;
  if (end - from > NEAR) chunk.copyWithin(to, from, end);
  else for (let at = from; at < end; at++) chunk[to + at - from] = chunk[at] as number;
}
