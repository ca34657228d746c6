import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { proxyField, proxyHeaderV2 } from "../../testing/proxy-header.ts";
import { crc32c } from "./crc32c.ts";
import { PROXY_HEADER_LIMIT } from "./header.ts";
import { parseProxyHeader } from "./parse.ts";

const text = (line: string) => parseProxyHeader(Buffer.from(line, "latin1"));
const inet = Buffer.from([192, 0, 2, 7, 198, 51, 100, 1, 0x1f, 0x90, 0, 25]);
const ends = {
  remote: { address: "192.0.2.7", port: 8080 },
  local: { address: "198.51.100.1", port: 25 },
};

describe("PROXY version 1", () => {
  it("names a client of IPv4, and leaves what comes behind", () => {
    const line = "PROXY TCP4 192.0.2.7 198.51.100.1 8080 25\r\n";
    expect(text(`${line}EHLO x\r\n`)).toEqual({
      at: "header",
      header: { version: 1, ends, tls: null },
      length: line.length,
    });
  });

  it("names a client of IPv6", () => {
    expect(text("PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n")).toMatchObject({
      header: { ends: { remote: { address: "2001:db8::7", port: 65535 }, local: { address: "2001:db8::1", port: 0 } } },
    });
  });

  it("gives addresses in one form, however they are written", () => {
    expect(text("PROXY TCP6 2001:0DB8:0::0:7 ::ffff:198.51.100.1 1 2\r\n")).toMatchObject({
      header: { ends: { remote: { address: "2001:db8::7" }, local: { address: "198.51.100.1" } } },
    });
  });

  it.each(["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff what ever 65535 65535\r\n"])("%j names nobody", (line) =>
    expect(text(line)).toMatchObject({ at: "header", header: { ends: null }, length: line.length }),
  );

  it.each(["P", "PROXY", "PROXY TCP4 192.0.2.7 198.51.100.1 8080 25\r", `PROXY ${"x".repeat(100)}`])(
    "%j may go on",
    (line) => expect(text(line)).toEqual({ at: "more" }),
  );

  it.each([
    "EHLO x\r\n",
    "proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    "PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
    "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
    "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
    "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
    "PROXY UNKNOWNX\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\nEHLO\r\n",
    `PROXY UNKNOWN ${"x".repeat(100)}`,
    "\u0016\u0003\u0001",
  ])("%j is refused", (line) => expect(text(line).at).toBe("bad"));
});

describe("PROXY version 2", () => {
  it("names a client of IPv4, octet by octet", () => {
    const header = proxyHeaderV2({ addresses: inet });
    for (let length = 1; length < header.length; length += 1)
      expect(parseProxyHeader(header.subarray(0, length))).toEqual({ at: "more" });
    expect(parseProxyHeader(Buffer.concat([header, Buffer.from("EHLO")]))).toEqual({
      at: "header",
      header: { version: 2, ends, tls: null },
      length: header.length,
    });
  });

  it("names a client of IPv6, also one that is of IPv4", () => {
    const addresses = Buffer.alloc(36);
    Buffer.from("20010db8000000000000000000000007", "hex").copy(addresses);
    Buffer.from("00000000000000000000ffffc6336401", "hex").copy(addresses, 16);
    addresses.writeUInt16BE(8080, 32);
    addresses.writeUInt16BE(25, 34);
    expect(parseProxyHeader(proxyHeaderV2({ family: 0x21, addresses }))).toMatchObject({
      header: {
        ends: { remote: { address: "2001:db8::7", port: 8080 }, local: { address: "198.51.100.1", port: 25 } },
      },
    });
  });

  it.each([
    ["LOCAL", { command: 0, family: 0 }],
    ["LOCAL with an address of any family", { command: 0, family: 0xf7, addresses: Buffer.alloc(5) }],
    ["UNSPEC", { family: 0x00, addresses: Buffer.alloc(0) }],
    ["a path of a unix socket elsewhere", { family: 0x31, addresses: Buffer.alloc(216) }],
    ["an unspecified transport", { family: 0x10, addresses: inet }],
  ])("%s leaves the socket's own ends", (_, parts) => {
    expect(parseProxyHeader(proxyHeaderV2(parts))).toMatchObject({ at: "header", header: { ends: null } });
  });

  it("skips fields that it does not know, and notes how the client reached the proxy", () => {
    const ssl = Buffer.concat([
      Buffer.from([0x07, 0, 0, 0, 0]),
      proxyField(0x21, Buffer.from("TLSv1.3")),
      proxyField(0x22, Buffer.from("ann\r\nexample")),
    ]);
    const fields = [proxyField(0x04, Buffer.alloc(9)), proxyField(0xea, Buffer.from("vpc")), proxyField(0x20, ssl)];
    expect(parseProxyHeader(proxyHeaderV2({ addresses: inet, fields }))).toMatchObject({
      header: { ends, tls: { version: "TLSv1.3", isClientVerified: true, clientName: "ann example" } },
    });
  });

  it("checks the checksum where there is one", () => {
    const fields = [proxyField(0x04, Buffer.alloc(2)), proxyField(0x03, Buffer.alloc(4))];
    const header = proxyHeaderV2({ addresses: inet, fields });
    expect(parseProxyHeader(header)).toEqual({ at: "bad", cause: "a PROXY header with a wrong checksum" });
    header.writeUInt32BE(crc32c(header), header.length - 4);
    expect(parseProxyHeader(header)).toMatchObject({ at: "header", header: { ends } });
  });

  it.each([
    ["another version", proxyHeaderV2({ addresses: inet, version: 3 })],
    ["an unknown command", proxyHeaderV2({ command: 2, addresses: inet })],
    ["an unknown family", proxyHeaderV2({ family: 0x41, addresses: Buffer.alloc(216) })],
    ["an unknown transport", proxyHeaderV2({ family: 0x13, addresses: inet })],
    ["datagrams", proxyHeaderV2({ family: 0x12, addresses: inet })],
    ["too few octets for its addresses", proxyHeaderV2({ family: 0x21, addresses: inet })],
    ["half a field", proxyHeaderV2({ addresses: inet, fields: [Buffer.from([1, 0])] })],
    ["a field longer than the header", proxyHeaderV2({ addresses: inet, fields: [Buffer.from([1, 0, 9, 0])] })],
    ["more octets than the limit", proxyHeaderV2({ addresses: inet, fields: [Buffer.alloc(PROXY_HEADER_LIMIT)] })],
    ["another signature", Buffer.from("\r\n\r\n\0\r\nQUIX\n!!!!")],
  ])("with %s is refused", (_, header) => expect(parseProxyHeader(header).at).toBe("bad"));
});

it("CRC32c is that of RFC 9260", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
});

it("whatever comes is answered the same, all at once or octet by octet", () => {
  const tail = fc.uint8Array({ maxLength: 80 });
  const start = fc.constantFrom(
    "",
    "PROXY ",
    "PROXY TCP4 ",
    "PROXY UNKNOWN",
    "\r\n\r\n\0\r\nQUIT\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0",
  );
  fc.assert(
    fc.property(start, tail, (head, octets) => {
      const whole = Buffer.concat([Buffer.from(head, "latin1"), octets]);
      let step = parseProxyHeader(whole.subarray(0, 1));
      for (let length = 2; length <= whole.length && step.at === "more"; length += 1)
        step = parseProxyHeader(whole.subarray(0, length));
      const atOnce = parseProxyHeader(whole);
      expect(atOnce.at).toBe(step.at);
      if (step.at === "header") expect(atOnce).toEqual(step);
    }),
    { numRuns: 1_000 },
  );
});
