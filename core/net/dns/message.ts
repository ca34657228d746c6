/**
 * Messages of DNS (RFC 1035 4, RFC 6891): questions written, replies read. What a reply says is not believed to be well formed: a length
 * or a pointer that leads out of it, or backwards for ever, makes all of it unreadable (`null`), and names come out with every octet
 * that is no plain character escaped. Pure.
 */
import { domainToASCII } from "node:url";
import ipaddr from "ipaddr.js";

export const recordTypes = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, TLSA: 52 } as const;
export type RecordType = keyof typeof recordTypes;

export interface Question {
  /** As `wireName` has it. */
  readonly name: string;
  readonly type: RecordType;
}

export interface DnsRecord {
  /** In lower case. */
  readonly name: string;
  readonly type: number;
  readonly ttlMs: number;
  /** Where its data stands. */
  readonly start: number;
  readonly end: number;
}

export interface Reply {
  readonly bytes: Buffer;
  readonly id: number;
  /** In lower case; `null` unless exactly one question is repeated. */
  readonly question: { readonly name: string; readonly type: number } | null;
  readonly code: number;
  readonly isTruncated: boolean;
  /** The AD bit (RFC 4035 3.2.3). */
  readonly isAuthentic: boolean;
  readonly answers: readonly DnsRecord[];
  /** Of the SOA record that says for how long there is nothing (RFC 2308 5); `null` without one. */
  readonly negativeTtlMs: number | null;
}

export const replyCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  noName: 3,
  notImplemented: 4,
  refused: 5,
} as const;

const CLASS_IN = 1;
const OPT = 41;
const IS_RESPONSE = 0x8000;
const IS_TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const AUTHENTIC_DATA = 0x0020;
const DNSSEC_OK = 0x8000;
// Larger ones are broken up on their way, and parts get lost.
const UDP_PAYLOAD_BYTES = 1_232;
const NAME_LIMIT_BYTES = 255; // RFC 1035 2.3.4
const LABEL_LIMIT_BYTES = 63;

/** The name as it is asked for, in lower case and without its last dot; `null` if none can be asked for (RFC 1035 2.3.4). */
export function wireName(raw: string): string | null {
  const ascii = /^[\x21-\x7e]+$/.test(raw) ? raw : domainToASCII(raw);
  const name = ascii.replace(/\.$/, "").toLowerCase();
  if (name === "") return ascii === "." ? "." : null;
  const fits = name.split(".").every((label) => label.length > 0 && label.length <= LABEL_LIMIT_BYTES);
  return fits && name.length + 2 <= NAME_LIMIT_BYTES ? name : null;
}

/** `edns: null`: without it, for servers that know none. `secure`: asks for the AD bit (RFC 6840 5.7, RFC 3225 3). */
export function writeQuery(id: number, { name, type }: Question, edns: "plain" | "secure" | null): Buffer {
  const labels = name === "." ? [] : name.split(".");
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(RECURSION_DESIRED | (edns === "secure" ? AUTHENTIC_DATA : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === null ? 0 : 1, 10);
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(recordTypes[type], 1);
  tail.writeUInt16BE(CLASS_IN, 3);
  const parts = [
    header,
    ...labels.map((label) => Buffer.from(String.fromCharCode(label.length) + label, "latin1")),
    tail,
  ];
  if (edns !== null) {
    const opt = Buffer.alloc(11);
    opt.writeUInt16BE(OPT, 1);
    opt.writeUInt16BE(UDP_PAYLOAD_BYTES, 3);
    opt.writeUInt16BE(edns === "secure" ? DNSSEC_OK : 0, 7);
    parts.push(opt);
  }
  return Buffer.concat(parts);
}

/** `null` if it is no reply that could be read. */
export function readReply(bytes: Buffer): Reply | null {
  try {
    return read(bytes);
  } catch (cause) {
    if (cause instanceof RangeError) return null; // something led out of the message
    throw cause;
  }
}

function read(bytes: Buffer): Reply | null {
  const flags = bytes.readUInt16BE(2);
  if ((flags & IS_RESPONSE) === 0) return null;
  const [questions, answers, authorities] = [bytes.readUInt16BE(4), bytes.readUInt16BE(6), bytes.readUInt16BE(8)];
  let at = 12;
  let question: Reply["question"] = null;
  for (let count = 0; count < questions; count += 1) {
    const { name, next } = readName(bytes, at);
    const type = bytes.readUInt16BE(next);
    question = questions === 1 && bytes.readUInt16BE(next + 2) === CLASS_IN ? { name: name.toLowerCase(), type } : null;
    at = next + 4;
  }
  const section = (count: number): DnsRecord[] => {
    const records: DnsRecord[] = [];
    for (let index = 0; index < count; index += 1) {
      const { name, next } = readName(bytes, at);
      const ttl = bytes.readUInt32BE(next + 4);
      const start = next + 10;
      at = start + bytes.readUInt16BE(next + 8);
      if (at > bytes.length) throw new RangeError("the data of a record is not all there");
      if (bytes.readUInt16BE(next + 2) !== CLASS_IN) continue;
      // RFC 2181 8: with the highest bit set it counts as zero
      const ttlMs = ttl > 0x7fffffff ? 0 : ttl * 1_000;
      records.push({ name: name.toLowerCase(), type: bytes.readUInt16BE(next), ttlMs, start, end: at });
    }
    return records;
  };
  const isTruncated = (flags & IS_TRUNCATED) !== 0;
  const head = { bytes, id: bytes.readUInt16BE(0), question, code: flags & 0xf, isTruncated };
  // The rest may have been cut off anywhere; nobody needs it, as it is asked for again.
  if (isTruncated) return { ...head, isAuthentic: false, answers: [], negativeTtlMs: null };
  const found = section(answers);
  const start = section(authorities).find(({ type }) => type === recordTypes.SOA);
  return {
    ...head,
    isAuthentic: (flags & AUTHENTIC_DATA) !== 0,
    answers: found,
    negativeTtlMs: start ? Math.min(start.ttlMs, bytes.readUInt32BE(start.end - 4) * 1_000) : null,
  };
}

/** Ends after at most 255 octets: pointers lead to what stands before them (RFC 1035 4.1.4). */
function readName(bytes: Buffer, from: number): { name: string; next: number } {
  const labels: string[] = [];
  let at = from;
  let before = from;
  let next: number | null = null;
  let length = 1;
  for (;;) {
    const octet = bytes.readUInt8(at);
    if (octet === 0) return { name: labels.join(".") || ".", next: next ?? at + 1 };
    if (octet >= 0xc0) {
      const target = bytes.readUInt16BE(at) & 0x3fff;
      if (target >= before) throw new RangeError("a name points forward");
      next ??= at + 2;
      at = before = target;
      continue;
    }
    length += octet + 1;
    if (octet > LABEL_LIMIT_BYTES || length > NAME_LIMIT_BYTES || at + 1 + octet > bytes.length)
      throw new RangeError("a name is too long");
    labels.push(escaped(bytes.subarray(at + 1, at + 1 + octet)));
    at += octet + 1;
  }
}

// RFC 1035 5.1
const escaped = (label: Buffer): string =>
  label
    .toString("latin1")
    .replace(/[^\x21-\x7e]|[.\\]/g, (octet) => `\\${String(octet.charCodeAt(0)).padStart(3, "0")}`);

/** The data of each type; `null` if it is not well formed. */
export const readData = {
  A: ({ bytes }: Reply, { start, end }: DnsRecord): string | null =>
    end - start === 4 ? bytes.subarray(start, end).join(".") : null,
  AAAA: ({ bytes }: Reply, { start, end }: DnsRecord): string | null =>
    end - start === 16 ? new ipaddr.IPv6([...bytes.subarray(start, end)]).toRFC5952String() : null,
  name: ({ bytes }: Reply, { start, end }: DnsRecord): string | null => nameWithin(bytes, start, end),
  MX({ bytes }: Reply, { start, end }: DnsRecord): { preference: number; exchange: string } | null {
    const exchange = nameWithin(bytes, start + 2, end);
    return exchange === null ? null : { preference: bytes.readUInt16BE(start), exchange };
  },
  TXT({ bytes }: Reply, { start, end }: DnsRecord): string | null {
    const strings: Buffer[] = [];
    for (let at = start; at < end; ) {
      const next = at + 1 + bytes.readUInt8(at);
      if (next > end) return null;
      strings.push(bytes.subarray(at + 1, next));
      at = next;
    }
    return Buffer.concat(strings).toString("utf8");
  },
  // RFC 6698 2.1; copied, as it outlives the message in the cache
  TLSA: ({ bytes }: Reply, { start, end }: DnsRecord) =>
    end - start < 3
      ? null
      : {
          usage: bytes.readUInt8(start),
          selector: bytes.readUInt8(start + 1),
          matchingType: bytes.readUInt8(start + 2),
          data: new Uint8Array(bytes.subarray(start + 3, end)),
        },
};

function nameWithin(bytes: Buffer, start: number, end: number): string | null {
  try {
    const { name, next } = readName(bytes, start);
    return next === end ? name : null;
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}
