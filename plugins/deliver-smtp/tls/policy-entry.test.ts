import { expect, it } from "vitest";
import { readPolicyEntry } from "./policy-entry.ts";

const sha256 = "ab".repeat(32);
const sha512 = "CD".repeat(64);
const withColons = sha256.match(/../g)?.join(":") ?? "";
const pins = (matchingType: number, hex: string) =>
  [0, 1].map((selector) => ({ usage: 3, selector, matchingType, data: new Uint8Array(Buffer.from(hex, "hex")) }));

it.each([
  ["none", { level: "none" }],
  ["may", { level: "opportunistic" }],
  ["opportunistic", { level: "opportunistic" }],
  ["encrypt", { level: "required" }],
  ["required minVersion=TLSv1.3", { level: "required", minVersion: "TLSv1.3" }],
  ["encrypt protocols=>=TLSv1.2 ciphers=high", { level: "required", minVersion: "TLSv1.2", ciphers: "HIGH:!aNULL" }],
  ["verify", { level: "verified" }],
  ["secure", { level: "verified", match: [{ at: "nextHop" }, { at: "belowNextHop" }] }],
  [
    "secure match=hostname:nexthop:.Example.ORG",
    { level: "verified", match: [{ at: "host" }, { at: "nextHop" }, { at: "name", name: ".example.org" }] },
  ],
  [
    "verified, match=a.example match=*.b.example",
    {
      level: "verified",
      match: [
        { at: "name", name: "a.example" },
        { at: "name", name: "*.b.example" },
      ],
    },
  ],
  ["implicit", { level: "implicit" }],
  ["auto", { level: "auto" }],
  ["dane", { level: "dane" }],
  ["DANE-only", { level: "dane-only" }],
  [`fingerprint match=${withColons}`, { level: "verified", pinned: pins(1, sha256) }],
  [`verified fingerprint=sha512:${sha512}`, { level: "verified", pinned: pins(2, sha512) }],
  [`fingerprint match=${sha256}|${sha512}`, { level: "verified", pinned: [...pins(1, sha256), ...pins(2, sha512)] }],
])("%s", (text, entry) => {
  expect(readPolicyEntry(text)).toEqual({ ok: true, entry });
});

it.each([
  ["", '"" is no level'],
  ["secured", '"secured" is no level'],
  ["verify match=", '"match="'],
  ["verify match=a..b", '"a..b"'],
  ["verify mach=a.example", '"mach=a.example" is no attribute'],
  ["encrypt match=a.example", "match= is for certificates that are verified, not for encrypt"],
  [`encrypt fingerprint=${sha256}`, "fingerprint= is for certificates that are verified"],
  [`verify match=a.example fingerprint=${sha256}`, "do not go together"],
  ["fingerprint", "needs match="],
  ["fingerprint match=d41d8cd98f00b204e9800998ecf8427e", "is no fingerprint"],
  ["fingerprint match=example.org", "is no fingerprint"],
  ["encrypt protocols=!SSLv3", "names no version"],
  ["encrypt minVersion=TLSv9", "names no version"],
])("%s is a mistake", (text, mistake) => {
  expect(readPolicyEntry(text)).toEqual({ ok: false, mistake: expect.stringContaining(mistake) });
});
