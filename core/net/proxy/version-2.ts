/** Version 2 of the PROXY protocol: a binary header (section 2.2) with type-length-value fields behind the addresses. */
import ipaddr from "ipaddr.js";
import { inOneForm } from "../peer-address.ts";
import { crc32c } from "./crc32c.ts";
import { bad, more, PROXY_HEADER_LIMIT, type ProxyHeader, type ProxyStep } from "./header.ts";
import { readTls } from "./tls-field.ts";

export const VERSION_2_MARK = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

const FIXED_OCTETS = 16;
const TYPE_CRC32C = 0x03;
const TYPE_SSL = 0x20;
/** Octets of the addresses by family: AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX. */
const ADDRESS_OCTETS = [0, 12, 36, 216] as const;

/** Called when the fixed part is there. */
export function parseVersion2(octets: Buffer): ProxyStep {
  const [, , , , , , , , , , , , verCmd = 0, famProto = 0] = octets;
  if (verCmd >> 4 !== 2) return bad("a PROXY header of an unknown version");
  const command = verCmd & 0x0f;
  // "Other values are unassigned and must not be emitted by senders. Receivers must drop connections"
  if (command > 1) return bad("a PROXY header with an unknown command");
  const length = FIXED_OCTETS + octets.readUInt16BE(14);
  if (length > PROXY_HEADER_LIMIT) return bad(`a PROXY header of ${length} octets`);
  if (octets.length < length) return more;
  const whole = octets.subarray(0, length);

  const family = famProto >> 4;
  const transport = famProto & 0x0f;
  const addressOctets = ADDRESS_OCTETS[family];
  const isLocal = command === 0;
  // Section 2.2: a receiver of LOCAL must discard the protocol block, whatever the family.
  if (isLocal) return { at: "header", header: { version: 2, ends: null, tls: null }, length };
  if (addressOctets === undefined || transport > 2) return bad("a PROXY header of an unknown family");
  if (transport === 2) return bad("a PROXY header for datagrams");
  if (whole.length < FIXED_OCTETS + addressOctets) return bad("a PROXY header too short for its addresses");
  const fields = readFields(whole, FIXED_OCTETS + addressOctets);
  if (typeof fields === "string") return bad(fields);
  const ssl = fields.get(TYPE_SSL);
  return {
    at: "header",
    header: {
      version: 2,
      // With either of them unspecified "the receiver should ignore address information".
      ends: transport === 0 ? null : readEnds(whole.subarray(FIXED_OCTETS), family),
      tls: ssl === undefined ? null : readTls(ssl.value),
    },
    length,
  };
}

function readEnds(block: Buffer, family: number): ProxyHeader["ends"] {
  if (family === 1) {
    return {
      remote: { address: addressOf(block.subarray(0, 4)), port: block.readUInt16BE(8) },
      local: { address: addressOf(block.subarray(4, 8)), port: block.readUInt16BE(10) },
    };
  }
  if (family === 2) {
    return {
      remote: { address: addressOf(block.subarray(0, 16)), port: block.readUInt16BE(32) },
      local: { address: addressOf(block.subarray(16, 32)), port: block.readUInt16BE(34) },
    };
  }
  // AF_UNIX: a path on another machine says nothing of who is behind it, and whoever is on a unix socket here is trusted.
  return null;
}

const addressOf = (octets: Buffer): string => inOneForm(ipaddr.fromByteArray([...octets]).toString());

interface Field {
  readonly at: number;
  readonly value: Buffer;
}

/** By type, the first of each. A text says what is wrong. */
function readFields(whole: Buffer, from: number): ReadonlyMap<number, Field> | string {
  const fields = new Map<number, Field>();
  let at = from;
  while (at < whole.length) {
    if (at + 3 > whole.length) return "a PROXY header with a broken field";
    const type = whole[at] ?? 0;
    const start = at + 3;
    const end = start + whole.readUInt16BE(at + 1);
    if (end > whole.length) return "a PROXY header with a broken field";
    if (!fields.has(type)) fields.set(type, { at: start, value: whole.subarray(start, end) });
    at = end;
  }
  const checksum = fields.get(TYPE_CRC32C);
  return checksum === undefined || isIntact(whole, checksum) ? fields : "a PROXY header with a wrong checksum";
}

/** Section 2.2.3: over the whole header, with zeros in place of the checksum itself. */
function isIntact(whole: Buffer, { at, value }: Field): boolean {
  if (value.length !== 4) return false;
  const copy = Buffer.from(whole);
  copy.fill(0, at, at + 4);
  return crc32c(copy) === value.readUInt32BE(0);
}
