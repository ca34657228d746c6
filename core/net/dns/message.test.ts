import { encode, type Packet } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DnsRecord, readData, readReply, recordTypes, wireName, writeQuery } from "./message.ts";

const question = { name: "example.org", type: "MX" } as const;
const whole: Packet = {
  type: "response",
  id: 7,
  flags: 0x8000,
  questions: [question],
  answers: [
    { name: "example.org", type: "CNAME", ttl: 5, data: "mail.example.org" },
    { name: "mail.example.org", type: "MX", ttl: 9, data: { preference: 10, exchange: "mx.example.org" } },
    { name: "mail.example.org", type: "TXT", ttl: 9, data: ["a", "b"] },
    { name: "mail.example.org", type: "AAAA", ttl: 9, data: "2001:db8::1" },
  ],
};
const readAll = (bytes: Buffer): unknown[] => {
  const reply = readReply(bytes);
  if (reply === null) return [];
  const read = (record: DnsRecord) => {
    if (record.type === recordTypes.MX) return readData.MX(reply, record);
    if (record.type === recordTypes.TXT) return readData.TXT(reply, record);
    if (record.type === recordTypes.AAAA) return readData.AAAA(reply, record);
    return record.type === recordTypes.TLSA ? readData.TLSA(reply, record) : readData.name(reply, record);
  };
  return reply.answers.map(read);
};
/** A reply with one record whose name and data are these octets. */
const replyOf = (name: readonly number[], type: number, data: readonly number[], length = data.length) =>
  Buffer.from([0, 7, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, ...name, 0, type, 0, 1, 0, 0, 0, 60, 0, length, ...data]);

describe("a reply", () => {
  it("is read as another implementation writes it", () => {
    expect(readAll(encode(whole))).toEqual([
      "mail.example.org",
      { preference: 10, exchange: "mx.example.org" },
      "ab",
      "2001:db8::1",
    ]);
    expect(readReply(encode(whole))).toMatchObject({ id: 7, code: 0, question: { name: "example.org", type: 15 } });
  });

  it("that is cut off anywhere is none", () => {
    const bytes = encode(whole);
    for (let length = 0; length < bytes.length; length += 1)
      expect(readReply(Buffer.from(bytes.subarray(0, length)))).toBeNull();
  });

  it("with any octets in it does no harm", () => {
    const bytes = encode(whole);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const changed = Buffer.from(bytes);
          for (const [at, octet] of changes) changed[at] = octet;
          readAll(changed);
        },
      ),
      { numRuns: 3_000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => void readAll(Buffer.from(octets))));
  });

  it.each<[string, number[], number, number[], unknown]>([
    ["a name that points to itself", [0xc0, 12], 2, [0], "unreadable"],
    ["a name that points forward", [0xc0, 40], 2, [0], "unreadable"],
    ["a pointer behind the end", [0xff, 0xff], 2, [0], "unreadable"],
    ["a label of a kind that nobody knows", [0x41, 0], 2, [0], "unreadable"],
    ["data that is a name and more", [0], 2, [1, 97, 0, 9], null],
    ["an address of three octets", [0], 1, [1, 2, 3], null],
    ["a text longer than its record", [0], 16, [5, 97], null],
    ["a TLSA record of two octets", [0], 52, [3, 1], null],
    ["octets in names that mean something elsewhere", [0], 5, [4, 10, 46, 92, 255, 0], "\\010\\046\\092\\255"],
  ])("%s", (_, name, type, data, expected) => {
    const bytes = replyOf(name, type, data);
    if (expected === "unreadable") return expect(readReply(bytes)).toBeNull();
    const reply = readReply(bytes);
    const [record] = reply?.answers ?? [];
    if (!reply || !record) throw new Error("not read");
    const readers = { 1: readData.A, 2: readData.name, 5: readData.name, 16: readData.TXT, 52: readData.TLSA };
    expect(readers[type as keyof typeof readers](reply, record)).toEqual(expected);
  });

  it("whose record is longer than the rest is none", () => {
    expect(readReply(replyOf([0], 1, [1, 2, 3, 4], 5))).toBeNull();
  });
});

describe("a question", () => {
  it("is written for others to read", () => {
    expect(writeQuery(1, question, null).subarray(12)).toEqual(encode({ questions: [question] }).subarray(12));
    expect(writeQuery(1, { name: ".", type: "NS" }, null).length).toBe(17);
  });
  it.each([
    ["Example.ORG.", "example.org"],
    [".", "."],
    ["", null],
    ["a..b", null],
    ["b\u00fccher.example", "xn--bcher-kva.example"],
    ["a b", null],
    [`${"a".repeat(63)}.x`, `${"a".repeat(63)}.x`],
    [`${"a".repeat(64)}.x`, null],
    [Array(64).fill("abc").join("."), null],
  ])("%s goes as %s", (raw, expected) => {
    expect(wireName(raw)).toBe(expected);
  });
});
