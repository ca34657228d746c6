/** Line ends: files that other programs wrote with LF are presented with CRLF (RFC 5322 2.1). */

const LF = 10;
const CR = 13;

/** How many CRs are missing in `bytes`; `before` is the octet in front of them. */
export function countBareLf(bytes: Uint8Array, before = 0): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if ((at === 0 ? before : bytes[at - 1]) !== CR) count++;
  }
  return count;
}

/** The same bytes with a CR before each LF that has none; `bytes` itself if nothing is missing. */
export function withCrlf(bytes: Buffer, before = 0): Buffer {
  const missing = countBareLf(bytes, before);
  if (missing === 0) return bytes;
  const out = Buffer.allocUnsafe(bytes.length + missing);
  let from = 0;
  let to = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if ((at === 0 ? before : bytes[at - 1]) === CR) continue;
    to += bytes.copy(out, to, from, at);
    out[to++] = CR;
    from = at;
  }
  bytes.copy(out, to, from);
  return out;
}
