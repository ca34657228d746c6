/**
 * Header changes of an `amend` answer on a header block: gives a new block, or the same one if nothing changed. `prepend` goes
 * above all fields, so the last one prepended stands first; `append` goes below the last field. Names and values were checked
 * with the verdict.
 */
import type { Change } from "../contracts/verdicts.ts";
import { fieldRanges, fieldsEnd } from "./header-index.ts";

/** RFC 5322 2.1.1: a line has at most 998 octets without its CRLF. */
const lineLimitBytes = 998;
const crlf = Buffer.from("\r\n");

export function editHeader(block: Uint8Array, changes: readonly Change[]): Uint8Array {
  const above: Uint8Array[] = [];
  const below: Uint8Array[] = [];
  let header = block;
  for (const change of changes) {
    switch (change.op) {
      case "prepend":
        above.unshift(fieldBytes(change.header, change.value));
        break;
      case "append":
        below.push(fieldBytes(change.header, change.value));
        break;
      case "removeHeader":
        // What was added earlier in the same answer is removed as well.
        header = withoutField(assemble(above, header, below), change.header.toLowerCase());
        above.length = 0;
        below.length = 0;
        break;
    }
  }
  return assemble(above, header, below);
}

function assemble(above: readonly Uint8Array[], header: Uint8Array, below: readonly Uint8Array[]): Uint8Array {
  if (above.length === 0 && below.length === 0) return header;
  const end = fieldsEnd(header);
  const unfinished = end > 0 && header[end - 1] !== 0x0a ? [crlf] : [];
  return Buffer.concat([...above, header.subarray(0, end), ...unfinished, ...below, header.subarray(end)]);
}

function withoutField(header: Uint8Array, name: string): Uint8Array {
  const kept: Uint8Array[] = [];
  let from = 0;
  for (const field of fieldRanges(header)) {
    if (field.name !== name) continue;
    kept.push(header.subarray(from, field.start));
    from = field.end;
  }
  if (kept.length === 0) return header;
  kept.push(header.subarray(from));
  return Buffer.concat(kept);
}

/** A body needs the empty line before it. */
export function closedHeader(header: Uint8Array): Uint8Array {
  const end = fieldsEnd(header);
  if (end < header.length) return header;
  const unfinished = end > 0 && header[end - 1] !== 0x0a ? [crlf] : [];
  return Buffer.concat([header, ...unfinished, crlf]);
}

function fieldBytes(name: string, value: string): Uint8Array {
  const unfolded = `${name}: ${value}\r\n`;
  return Buffer.from(unfolded.split("\r\n").map(foldLine).join("\r\n"), "utf8");
}

/** Folds at white space where a line is too long for the wire; what an author folded stays as it was written. */
function foldLine(line: string): string {
  if (Buffer.byteLength(line) <= lineLimitBytes) return line;
  const lines: string[] = [];
  let current = "";
  for (const word of line.split(/(?=[ \t])/)) {
    if (current !== "" && Buffer.byteLength(current) + Buffer.byteLength(word) > 78) {
      lines.push(current);
      current = "";
    }
    current += word;
  }
  lines.push(current);
  return lines.join("\r\n");
}
