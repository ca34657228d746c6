import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSrs, reversed, rewritten, type SrsKeys, timestamp } from "./srs.ts";

const keys: SrsKeys = { secrets: ["tops3cr3t"], algorithm: "sha1", hashLength: 4 };
const day = 86_400_000;
const now = Date.UTC(2022, 0, 11, 23);
const maxAge = 21 * day;

describe("the published form", () => {
  // Addresses that other implementations made on these days.
  it.each([
    ["R3", Date.UTC(2022, 0, 11)],
    ["IG", Date.UTC(2021, 2, 8)],
    ["D7", Date.UTC(2023, 7, 14)],
    ["PN", Date.UTC(2021, 9, 25)],
    ["XI", Date.UTC(2025, 3, 22)],
    ["AV", Date.UTC(2020, 6, 10)],
  ])("%s is the day in base32", (stamp, at) => {
    expect(timestamp(at)).toBe(stamp);
    expect(timestamp(at + day - 1)).toBe(stamp);
  });

  it("the hash is HMAC-SHA1 over day, domain and local part in lower case", () => {
    const hash = createHmac("sha1", "tops3cr3t").update("r3example.netbob").digest("base64").slice(0, 4);
    expect(rewritten({ localPart: "Bob", domain: "example.net" }, now, keys)).toBe(`SRS0=${hash}=R3=example.net=Bob`);
  });

  it("a second hop names the first one and keeps what it made, a third one only signs anew", () => {
    const hash = createHmac("sha1", "tops3cr3t")
      .update("first.example=abcd=r3=example.net=bob")
      .digest("base64")
      .slice(0, 4);
    const second = `SRS1=${hash}=first.example==AbCd=R3=example.net=bob`;
    expect(rewritten({ localPart: "SRS0=AbCd=R3=example.net=bob", domain: "first.example" }, now, keys)).toBe(second);
    expect(
      rewritten({ localPart: "SRS1=zzzz=first.example==AbCd=R3=example.net=bob", domain: "other.example" }, now, keys),
    ).toBe(second);
  });

  it("the separator of who made it goes along", () => {
    const localPart = rewritten({ localPart: "SRS0+abcd=R3=example.net=bob", domain: "first.example" }, now, keys);
    expect(localPart).toMatch(/^SRS1=....=first\.example=\+abcd=R3=example\.net=bob$/);
    expect(reversed(localPart, now, maxAge, keys)).toEqual({
      at: "reversed",
      localPart: "SRS0+abcd=R3=example.net=bob",
      domain: "first.example",
    });
  });
});

describe("the way back", () => {
  const made = rewritten({ localPart: "bob=x+y", domain: "example.net" }, now, keys);

  it.each([
    ["at once", made, now],
    ["on the last day", made, now + maxAge],
    ["in lower case", made.toLowerCase(), now],
    ["in upper case", made.toUpperCase(), now],
    ["with another separator", made.replace("SRS0=", "srs0-"), now],
  ])("%s", (_, localPart, at) => {
    const found = reversed(localPart, at, maxAge, keys);
    expect(found.at === "reversed" && `${found.localPart}@${found.domain}`.toLowerCase()).toBe("bob=x+y@example.net");
  });

  it("an old secret is still believed, and does not sign any more", () => {
    const rotated: SrsKeys = { ...keys, secrets: ["another one", "tops3cr3t"] };
    expect(reversed(made, now, maxAge, rotated).at).toBe("reversed");
    expect(rewritten({ localPart: "bob=x+y", domain: "example.net" }, now, rotated)).not.toBe(made);
    expect(reversed(made, now, maxAge, { ...keys, secrets: ["another one"] }).at).toBe("tampered");
  });

  it.each([
    ["too old", made, now + maxAge + day, "expired"],
    ["of tomorrow", made, now - 2 * day, "expired"],
    ["another domain", made.replace("example.net", "example.com"), now, "tampered"],
    ["another user", `${made}z`, now, "tampered"],
    ["another day", made.replace("=R3=", "=R4="), now, "tampered"],
    ["a short hash", made.replace(/^SRS0=.../, "SRS0="), now, "tampered"],
    ["no hash", "SRS0==R3=example.net=bob", now, "malformed"],
    ["no user", "SRS0=abcd=R3=example.net=", now, "malformed"],
    ["a stranger's first hop", "SRS1=abcd=first.example==AbCd=R3=example.net=bob", now, "tampered"],
    ["half a first hop", "SRS1=abcd=first.example", now, "malformed"],
  ])("%s is refused", (_, localPart, at, expected) => {
    expect(reversed(localPart, at, maxAge, keys).at).toBe(expected);
  });

  it("is the way there, for any sender", () => {
    const word = fc.string({ minLength: 1, maxLength: 20 });
    const domain = fc.domain();
    fc.assert(
      fc.property(
        word,
        domain,
        fc.nat(1e9),
        fc.constantFrom("sha1" as const, "sha256" as const),
        (localPart, host, at, algorithm) => {
          fc.pre(!isSrs(localPart));
          const some: SrsKeys = { ...keys, algorithm, hashLength: 8 };
          const there = rewritten({ localPart, domain: host }, at * 1000, some);
          expect(reversed(there, at * 1000, maxAge, some)).toEqual({ at: "reversed", localPart, domain: host });
          const twice = rewritten({ localPart: there, domain: "b.example" }, at * 1000, some);
          expect(reversed(twice, at * 1000, maxAge, some)).toEqual({
            at: "reversed",
            localPart: there,
            domain: "b.example",
          });
        },
      ),
    );
  });
});
