import { isIPv6 } from "node:net";
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import { logicalLines } from "../logical-lines.ts";
import { atOnce } from "../slices.ts";
import { type CidrRule, parseCidrRules } from "./cidr-rules.ts";
import { type ClientAddress, networkKey, parseClient } from "./client-address.ts";
import { NetworkIndex } from "./network-index.ts";

const rulesOf = (text: string) => atOnce(parseCidrRules(logicalLines(text)));
const indexOf = (rules: readonly CidrRule[]) => atOnce(NetworkIndex.of(rules));
const clientOf = (text: string): ClientAddress => {
  const client = parseClient(text);
  if (!client) throw new TypeError(text);
  return client;
};
const dotted = (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");

/** Rule after rule, as Postfix does it. */
function inTurn(rules: readonly CidrRule[], client: ClientAddress): string | null {
  for (const { network, isNegated, result, rules: inner } of rules) {
    if (network.family !== client.family || (networkKey(client, network.bits) === network.key) === isNegated) continue;
    const found = result ?? inTurn(inner ?? [], client);
    if (found !== null) return found;
  }
  return null;
}

it("answers as rule after rule would, blocks and negations among them", { timeout: 60_000 }, () => {
  const octet = fc.constantFrom(0, 1, 2, 128);
  const line = fc.tuple(
    octet,
    octet,
    fc.integer({ min: 0, max: 18 }),
    fc.constantFrom("", "", "!", "if ", "if !", "endif"),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 30 }),
      fc.array(fc.tuple(octet, octet, octet), { minLength: 5 }),
      (lines, clients) => {
        const text = lines
          .map(([a, b, bits, mark], at) => {
            const behind = BigInt(32 - bits);
            const network = `${dotted((BigInt(a * 2 ** 24 + b * 2 ** 16) >> behind) << behind)}/${bits}`;
            if (mark === "endif") return mark;
            return mark.startsWith("if") ? `${mark}${network}` : `${mark}${network} r${at}`;
          })
          .join("\n");
        const { rules } = rulesOf(text);
        const index = indexOf(rules);
        for (const [a, b, c] of clients) {
          const client = clientOf(`${a}.${b}.0.${c}`);
          expect(index.find(client)).toBe(inTurn(rules, client));
        }
      },
    ),
  );
});

it("finds the first of 100,000 rows without asking them all", { timeout: 60_000 }, () => {
  const rows = Array.from({ length: 100_000 }, (_, n) => `10.${(n >> 8) & 255}.${n & 255}.${n >> 16} row${n}`);
  const { rules, mistakes } = rulesOf(`${rows.join("\n")}\n10.0.0.0/8 ten\n2001:db8::/32 six\n0.0.0.0/0 all`);
  expect(mistakes).toEqual([]);
  const index = indexOf(rules);
  const find = (text: string) => index.find(clientOf(text));
  expect(["10.1.2.0", "10.1.2.1", "10.1.2.3", "11.0.0.1", "2001:db8::9", "2001:db9::9"].map(find)).toEqual([
    "row258",
    "row65794",
    "ten",
    "all",
    "six",
    null,
  ]);
  // Rule after rule, these would be ten thousand million comparisons.
  for (let n = 0; n < 100_000; n += 1) find(`10.255.255.${n & 255}`);
});

it("keeps 100,000 networks of IPv6 apart that end alike", { timeout: 60_000 }, () => {
  const rows = Array.from(
    { length: 100_000 },
    (_, n) => `2001:db8:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}::/64 row${n}`,
  );
  const { rules, mistakes } = rulesOf(rows.join("\n"));
  expect(mistakes).toEqual([]);
  const index = indexOf(rules);
  expect(["2001:db8:0:ff::1", "2001:db8:1:0:8000::", "2001:db8:2::"].map((text) => index.find(clientOf(text)))).toEqual(
    ["row255", "row65536", null],
  );
});

it.each([
  ["::", "0 0 0 0 0 0 0 0"],
  ["::1", "0 0 0 0 0 0 0 1"],
  ["2001:db8::", "2001 db8 0 0 0 0 0 0"],
  ["2001:DB8::a:b", "2001 db8 0 0 0 0 a b"],
  ["::ffff:192.0.2.1", "0 0 0 0 0 ffff c000 201"],
  ["64:ff9b::192.0.2.33", "64 ff9b 0 0 0 0 c000 221"],
  ["1:2:3:4:5:6:7:8", "1 2 3 4 5 6 7 8"],
  ["1:2:3:4:5:6:1.2.3.4", "1 2 3 4 5 6 102 304"],
  ["1:2:3:4:5:6:7::", "1 2 3 4 5 6 7 0"],
  ["::1.2.3.4", "0 0 0 0 0 0 102 304"],
  ["255.255.255.255", "ffff ffff"],
  ["0.0.0.0", "0 0"],
])("reads %s", (text, groups) => {
  expect(
    clientOf(text)
      .groups.map((group) => group.toString(16))
      .join(" "),
  ).toBe(groups);
});

it("takes for IPv6 what node takes for it", () => {
  const group = fc.constantFrom("", "0", "1", "ffff", "12345", "g", "1.2.3.4", "1.2.3", "Ab");
  fc.assert(
    fc.property(fc.array(group, { minLength: 2, maxLength: 10 }), (groups) => {
      const text = groups.join(":");
      expect([text, parseClient(text) !== null]).toEqual([text, isIPv6(text)]);
      // ipaddr.js takes ::1.2.3.4 for an IPv4-mapped address.
      if (isIPv6(text) && !text.includes(".")) expect(parseClient(text)?.groups).toEqual(ipaddr.IPv6.parse(text).parts);
    }),
    { numRuns: 5_000 },
  );
});

it.each([
  ["192.0.2.1", 4],
  ["2001:DB8::1", 6],
  ["::ffff:192.0.2.1", 6],
  ["192.0.2", null],
  ["192.0.2.256", null],
  ["192.0.2.01", null],
  ["fe80::1%eth0", null],
  ["unix", null],
  ["1.2.3.", null],
  [".1.2.3", null],
  ["1..2.3", null],
  ["1.2.3.4.5", null],
  ["+1.2.3.4", null],
  ["1.2.3.4 ", null],
  [":::", null],
  ["1:2", null],
  ["::1.2.3.04", null],
  ["12345::", null],
  ["", null],
])("takes %j for an address of family %s", (text, family) => {
  expect(parseClient(text)?.family ?? null).toBe(family);
});

it("reports each bad line by its number and leaves a block out whose condition is bad", () => {
  const { rules, mistakes } = rulesOf(
    "10.0.0.1/8 x\n1.2.3 y\n1.2.3.4\nif 1.2.3.4/99\n0.0.0.0/0 all\nendif\nendif\n1.2.3.4 ok\nif ::/0\n::1 loop",
  );
  expect(mistakes.map(({ line }) => line)).toEqual([1, 2, 3, 4, 7, 9]);
  expect(rules).toHaveLength(2);
});
