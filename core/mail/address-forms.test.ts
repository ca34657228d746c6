/** Every form of an address that RFC 5321 and RFC 6531 know, good and bad. */
import { describe, expect, it } from "vitest";
import { isSameAddress, parseAddress, parsePath, unicodeDomain, withLocalPart } from "./address.ts";

const A64 = "a".repeat(64);
const L63 = "l".repeat(63);

describe("forward-paths and reverse-paths", () => {
  it.each<[raw: string, printed: string | null]>([
    // Dot-string
    ["<user@example.org>", "user@example.org"],
    ["<User@Example.ORG>", "User@example.org"],
    ["<a.b.c@example.org>", "a.b.c@example.org"],
    ["<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~@example.org"],
    ["<1@example.org>", "1@example.org"],
    ["<-@example.org>", "-@example.org"],
    [`<${A64}@example.org>`, `${A64}@example.org`],
    [`<${A64}a@example.org>`, null],
    ["<.a@example.org>", null],
    ["<a.@example.org>", null],
    ["<a..b@example.org>", null],
    ["<a b@example.org>", null],
    ["<a,b@example.org>", null],
    ["<a(b)@example.org>", null],
    ["<a:b@example.org>", null],
    ["<a;b@example.org>", null],
    ["<a[b@example.org>", null],
    ["<a\\b@example.org>", null],
    ["<a\tb@example.org>", null],
    ["<a@b@example.org>", null],
    ["<@example.org>", null],
    ["<user@>", null],
    // Quoted-string
    ['<"user"@example.org>', "user@example.org"],
    ['<"two words"@example.org>', '"two words"@example.org'],
    ['<"a..b"@example.org>', '"a..b"@example.org'],
    ['<".a"@example.org>', '".a"@example.org'],
    ['<"a."@example.org>', '"a."@example.org'],
    ['<""@example.org>', '""@example.org'],
    ['<" "@example.org>', '" "@example.org'],
    ['<"a@b"@example.org>', '"a@b"@example.org'],
    ['<"a>b"@example.org>', '"a>b"@example.org'],
    ['<"a<b"@example.org>', '"a<b"@example.org'],
    ['<"a\\"b"@example.org>', '"a\\"b"@example.org'],
    ['<"a\\\\b"@example.org>', '"a\\\\b"@example.org'],
    ['<"\\a\\b"@example.org>', "ab@example.org"],
    ['<"a,b;c:d"@example.org>', '"a,b;c:d"@example.org'],
    [`<"${A64}"@example.org>`, `${A64}@example.org`],
    [`<"${A64}a"@example.org>`, null],
    ['<"a@example.org>', null],
    ['<"a"b@example.org>', null],
    ['<a"b"@example.org>', null],
    ['<"a"."b"@example.org>', null],
    ['<"a\\"@example.org>', null],
    ['<"a\rb"@example.org>', null],
    ['<"a\u0000b"@example.org>', null],
    ['<"a\\\u0001b"@example.org>', null],
    ['<"a\u007fb"@example.org>', null],
    // Domain
    ["<a@b>", "a@b"],
    ["<a@1.example>", "a@1.example"],
    ["<a@b-c.example>", "a@b-c.example"],
    ["<a@b_c.example>", "a@b_c.example"],
    ["<a@-b.example>", null],
    ["<a@b-.example>", null],
    ["<a@b..example>", null],
    ["<a@.example>", null],
    ["<a@example.>", null],
    ["<a@exa mple>", null],
    ["<a@exa%6dple>", null],
    ["<a@example:25>", null],
    [`<a@${L63}.example>`, `a@${L63}.example`],
    [`<a@${L63}l.example>`, null],
    [`<a@${L63}.${L63}.${L63}.${L63}>`, `a@${L63}.${L63}.${L63}.${L63}`],
    [`<a@${L63}.${L63}.${L63}.${L63}.a>`, null],
    // Address literals
    ["<a@[192.0.2.1]>", "a@[192.0.2.1]"],
    ["<a@[192.000.002.001]>", "a@[192.0.2.1]"],
    ["<a@[0.0.0.0]>", "a@[0.0.0.0]"],
    ["<a@[255.255.255.255]>", "a@[255.255.255.255]"],
    ["<a@[256.0.0.1]>", null],
    ["<a@[192.0.2]>", null],
    ["<a@[192.0.2.1.1]>", null],
    ["<a@[0x7f.0.0.1]>", null],
    ["<a@[3221225985]>", null],
    ["<a@[192.0.2.1>", null],
    ["<a@192.0.2.1]>", null],
    ["<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"],
    ["<a@[ipv6:2001:DB8:0:0:0:0:0:1]>", "a@[IPv6:2001:db8::1]"],
    ["<a@[IPv6:::1]>", "a@[IPv6:::1]"],
    ["<a@[IPv6:::]>", "a@[IPv6:::]"],
    ["<a@[IPv6:::ffff:192.0.2.1]>", "a@[IPv6:::ffff:c000:201]"],
    ["<a@[IPv6:2001:db8::1%eth0]>", null],
    ["<a@[IPv6:2001:db8::g]>", null],
    ["<a@[IPv6:1:2:3:4:5:6:7:8:9]>", null],
    ["<a@[IPv6:1::2::3]>", null],
    ["<a@[IPv6:]>", null],
    ["<a@[2001:db8::1]>", "a@[2001:db8::1]"],
    ["<a@[tag:anything!]>", "a@[tag:anything!]"],
    ["<a@[tag:]>", null],
    ["<a@[-:x]>", null],
    ["<a@[tag:a[b]>", null],
    ["<a@[]>", null],
    // SMTPUTF8
    ["<δοκιμή@example.org>", "δοκιμή@example.org"],
    ["<a@bücher.example>", "a@xn--bcher-kva.example"],
    ["<a@BÜCHER.example>", "a@xn--bcher-kva.example"],
    ["<a@bu\u0308cher.example>", "a@xn--bcher-kva.example"],
    ["<a@XN--BCHER-KVA.example>", "a@xn--bcher-kva.example"],
    ["<a@例え。テスト>", "a@xn--r8jz45g.xn--zckzah"],
    ['<"δ δ"@example.org>', '"δ δ"@example.org'],
    [`<${"ü".repeat(32)}@example.org>`, `${"ü".repeat(32)}@example.org`],
    [`<${"ü".repeat(33)}@example.org>`, null],
    ["<a\u0085b@example.org>", null],
    // What the conversion to A-labels would cut off or decode
    ["<a@bücher.example/evil.example>", null],
    ["<a@bücher.example?x>", null],
    ["<a@bücher.example#x>", null],
    ["<a@bücher%2eexample>", null],
    ["<a@bücher.example:25>", null],
    ["<a@bücher.example\\evil>", null],
    // Source routes (RFC 5321 4.1.1.3: accepted and ignored)
    ["<@one.example:user@example.org>", "user@example.org"],
    ["<@one.example,@two.example:user@example.org>", "user@example.org"],
    ["<@[192.0.2.1],@two.example:user@example.org>", "user@example.org"],
    ["<@[IPv6:2001:db8::1]:user@example.org>", "user@example.org"],
    ["<@one.example,two.example:user@example.org>", null],
    ["<@one.example user@example.org>", null],
    ["<@:user@example.org>", null],
    ["<@one.example:>", null],
    ["<user%one.example@example.org>", "user%one.example@example.org"],
    ["<one.example!user@example.org>", "one.example!user@example.org"],
    // Postmaster
    ["<postmaster>", "postmaster"],
    ["<PostMaster>", "PostMaster"],
    ['<"postmaster">', "postmaster"],
    ["<postmaster@[192.0.2.1]>", "postmaster@[192.0.2.1]"],
    ["<postmaster@>", null],
    ["<postmasters>", null],
    ["<user>", null],
    // Not a path at all
    ["<", null],
    ["user", null],
    ["< user@example.org>", null],
    ["<user@example.org", null],
    ["", null],
  ])("%s", (raw, printed) => {
    const path = parsePath(raw);
    expect(path?.address?.toString() ?? null).toBe(printed);
    if (path !== null) expect(path.rest).toBe("");
  });

  it("takes no non-ASCII where SMTPUTF8 was not asked for", () => {
    expect(parsePath("<ü@example.org>", { utf8: false })).toBeNull();
    expect(parsePath('<"ü"@example.org>', { utf8: false })).toBeNull();
    expect(parsePath("<u@ü.example>", { utf8: false })).toBeNull();
    expect(parsePath("<u@xn--tda.example>", { utf8: false })?.address?.domain).toBe("xn--tda.example");
  });
});

describe("equality", () => {
  it.each([
    ["user@bücher.example", "USER@xn--bcher-kva.example", true],
    ["user@[IPv6:2001:db8:0:0::1]", "user@[IPv6:2001:DB8::1]", true],
    ["jo\u0308rg@example.org", "JÖRG@example.org", true],
    ['"user"@example.org', "user@example.org", true],
    ["user@[192.0.2.1]", "user@[192.0.2.2]", false],
    ["jörg@example.org", "jorg@example.org", false],
  ])("%s and %s", (one, other, expected) => {
    const [a, b] = [parseAddress(one), parseAddress(other)];
    expect(a !== null && b !== null && isSameAddress(a, b)).toBe(expected);
  });

  it("shows a domain with its U-labels", () => {
    expect(unicodeDomain("xn--bcher-kva.example")).toBe("bücher.example");
    expect(unicodeDomain("example.org")).toBe("example.org");
    expect(unicodeDomain("xn--a.example")).toBe("xn--a.example");
  });

  it("gives an address another local part, quoted where it has to be", () => {
    const address = parseAddress("user+x@example.org");
    expect(address && String(withLocalPart(address, "user"))).toBe("user@example.org");
    expect(address && String(withLocalPart(address, "us er"))).toBe('"us er"@example.org');
  });
});
