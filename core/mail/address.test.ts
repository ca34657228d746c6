import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSameAddress, needsSmtpUtf8, parseAddress, parseDomain, parsePath } from "./address.ts";

describe("parseAddress", () => {
  it.each([
    ["user@example.org", "user", "example.org"],
    ["User@EXAMPLE.org", "User", "example.org"],
    ["a.b+c@example.org", "a.b+c", "example.org"],
    ['"john smith"@example.org', "john smith", "example.org"],
    ['"a\\"b\\\\c"@example.org', 'a"b\\c', "example.org"],
    ['""@example.org', "", "example.org"],
    ['"a@b"@example.org', "a@b", "example.org"],
    ["user@[192.0.2.1]", "user", "[192.0.2.1]"],
    ["user@[IPv6:2001:DB8::1]", "user", "[IPv6:2001:db8::1]"],
    ["user@[tag:any-thing]", "user", "[tag:any-thing]"],
    ["δοκιμή@παράδειγμα.example", "δοκιμή", "xn--hxajbheg2az3al.example"],
    ["user@under_score.example", "user", "under_score.example"],
  ])("reads %s", (raw, localPart, domain) => {
    const address = parseAddress(raw);
    expect(address).toMatchObject({ localPart, domain });
    expect(address && parseAddress(String(address))).toMatchObject({ localPart, domain });
  });

  it.each([
    "",
    "user",
    "@example.org",
    "user@",
    ".user@example.org",
    "us..er@example.org",
    "user.@example.org",
    "us er@example.org",
    "user@-example.org",
    "user@example-.org",
    "user@exa mple.org",
    "user@example..org",
    "user@.example.org",
    "user@[300.1.1.1]",
    "user@[192.0.2.1",
    '"user@example.org',
    '"us\ner"@example.org',
    "us\u0000er@example.org",
    "user@example.org\r\n",
    "us\u0085er@example.org",
    `${"a".repeat(65)}@example.org`,
    `user@${"a".repeat(64)}.org`,
    `user@${"a.".repeat(130)}org`,
    "a@b@example.org",
    "user@example.org>",
  ])("refuses %j", (raw) => {
    expect(parseAddress(raw)).toBeNull();
  });

  it("refuses non-ASCII where SMTPUTF8 was not asked for", () => {
    expect(parseAddress("δοκιμή@example.org", { utf8: false })).toBeNull();
    expect(parseAddress("user@παράδειγμα.example", { utf8: false })).toBeNull();
  });

  it("gives every address that it prints back", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30, unit: "grapheme" }), (localPart) => {
        const printed = parseAddress(`"${localPart.replace(/["\\]/g, "\\$&")}"@example.org`);
        fc.pre(printed !== null);
        expect(parseAddress(String(printed))).toMatchObject({ localPart, domain: "example.org" });
      }),
    );
  });

  it("refuses an address literal that is longer than a domain may be", () => {
    expect(parseAddress(`user@[tag:${"x".repeat(249)}]`)).not.toBe(null);
    expect(parseAddress(`user@[tag:${"x".repeat(250)}]`)).toBe(null);
  });

  it("survives any text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), (raw) => void [parseAddress(raw), parsePath(raw), parseDomain(raw)]),
    );
  });
});

describe("parsePath", () => {
  it.each([
    ["<>", null, ""],
    ["<> SIZE=10", null, " SIZE=10"],
    ["<user@example.org> BODY=8BITMIME", "user@example.org", " BODY=8BITMIME"],
    ['<"a b>c"@example.org>', '"a b>c"@example.org', ""],
    ["<@one.example,@two.example:user@example.org>", "user@example.org", ""],
    ["<Postmaster>", "Postmaster", ""],
    ["postmaster", "postmaster", ""],
    ["user@example.org NOTIFY=NEVER", "user@example.org", " NOTIFY=NEVER"],
  ])("reads %s", (raw, address, rest) => {
    const path = parsePath(raw);
    expect(path?.address ? String(path.address) : null).toBe(address);
    expect(path?.rest).toBe(rest);
  });

  it.each(["", "<", "<user>", "<user@example.org", "<@one.example user@example.org>", "<user@exa>mple.org>x@", "user"])(
    "refuses %j",
    (raw) => {
      const path = parsePath(raw);
      expect(path === null || path.rest !== "").toBe(true);
    },
  );
});

it("compares mailboxes without case, and knows which need SMTPUTF8", () => {
  const [one, other, third] = ["User@Example.org", "user@example.ORG", "δ@example.org"].map((raw) => parseAddress(raw));
  if (!one || !other || !third) throw new Error("no address");
  expect(isSameAddress(one, other)).toBe(true);
  expect(isSameAddress(one, third)).toBe(false);
  expect([one, third].map(needsSmtpUtf8)).toEqual([false, true]);
});

it.each([
  ["<ann>", "ann"],
  ['<"a b">', '"a b"'],
  ["<ann@example.org>", "ann@example.org"],
  ["<ann", null],
  ["<ann@>", null],
  ["<a..b>", null],
  ["ann", null],
])("a path may do without a domain where that is wanted: %s", (raw, expected) => {
  const address = parsePath(raw, { bare: true })?.address ?? null;
  expect(address === null ? null : String(address)).toBe(expected);
});
