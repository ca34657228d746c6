/** HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 3501 6.4.5): chosen fields as they stand, then the empty line. */
import { headerFields } from "postern/mail";
import type { Fields } from "./section.ts";

const emptyLine = Buffer.from("\r\n");

export function headerSubset(header: Buffer, { names, isNot }: Fields): Buffer {
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const pieces: Buffer[] = [];
  for (const { name, start, end } of headerFields(header)) {
    if (wanted.has(name.toLowerCase()) !== isNot) pieces.push(header.subarray(start, end));
  }
  pieces.push(emptyLine);
  return Buffer.concat(pieces);
}
