/** Octets of a message on their way to the client: from memory, from the store, or out of a decoder. What streams waits for slow readers. */
import type { OctetRange } from "postern/mail";
import type { Writer } from "../wire/writer.ts";
import type { MessageSource } from "./message-source.ts";

/** A literal was announced and its octets cannot be had: nothing but the end of the connection keeps the client sane. */
export class BrokenLiteral extends Error {}

export interface OctetsOut {
  readonly name: string;
  readonly length: number;
  /** A literal8 (RFC 3516 4.4, RFC 9051 4.3). In other literals no NUL may stand, so another octet stands for it. */
  readonly isNulKept: boolean;
  readonly octets:
    | { readonly at: "memory"; readonly bytes: Buffer }
    | { readonly at: "store"; readonly range: OctetRange }
    | { readonly at: "decoder"; read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array> };
}

const instead = 0x80;

export function writeLiteral(out: Writer, octetsOut: OctetsOut, source: MessageSource): void | Promise<void> {
  const { name, length, isNulKept, octets } = octetsOut;
  out.text(`${name} ${isNulKept ? "~" : ""}{${length}}\r\n`);
  if (length === 0) return;
  if (octets.at !== "memory") return writeStream(out, octetsOut, source);
  out.octets(isNulKept ? octets.bytes : withoutNul(octets.bytes));
  return out.flushIfFull();
}

/** The same, of few octets, as text. */
export const literalText = (name: string, octets: Buffer): string =>
  `${name} {${octets.length}}\r\n${withoutNul(octets).toString("latin1")}`;

async function writeStream(
  out: Writer,
  { length, isNulKept, octets }: OctetsOut,
  source: MessageSource,
): Promise<void> {
  let left = length;
  try {
    const pieces =
      octets.at === "store" ? await source.stream(octets.range) : octets.at === "decoder" ? octets.read() : [];
    for await (const piece of pieces) {
      const bytes = (piece as Buffer).subarray(0, left);
      left -= bytes.length;
      out.octets(isNulKept ? bytes : withoutNul(bytes));
      const wait = out.flushIfFull();
      if (wait) await wait;
    }
  } catch (cause) {
    throw new BrokenLiteral("message cannot be read to its end", { cause });
  }
  if (left > 0) throw new BrokenLiteral("message is shorter than its size says");
}

function withoutNul(bytes: Buffer): Buffer {
  const first = bytes.indexOf(0);
  if (first === -1) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = first; at !== -1; at = copy.indexOf(0, at + 1)) copy[at] = instead;
  return copy;
}
