/** Finds fields by name in the bytes of a header block. */

const LINE_FEED = 10;
const LOWER_CASE = 0x20;

/** `name` in lower case, without its colon. */
export const hasField = (header: Uint8Array, name: string): boolean => countFields(header, name) > 0;

export function countFields(header: Uint8Array, name: string): number {
  const mark = Buffer.from(`${name}:`);
  let fields = 0;
  for (let lf = -1; ; ) {
    if (startsWith(header, lf + 1, mark)) fields += 1;
    lf = header.indexOf(LINE_FEED, lf + 1);
    if (lf === -1) return fields;
  }
}

function startsWith(header: Uint8Array, start: number, mark: Uint8Array): boolean {
  for (let at = 0; at < mark.length; at += 1) {
    // Upper case letters differ from lower case ones in this bit; "-" and the colon have it set.
    if (((header[start + at] ?? 0) | LOWER_CASE) !== mark[at]) return false;
  }
  return true;
}
