import * as fc from "fast-check";
import { expect, it } from "vitest";
import { logicalLines } from "../logical-lines.ts";
import { type CidrRule, masked, parseCidrRules, parseClient } from "./cidr-rules.ts";
import { NetworkIndex } from "./network-index.ts";

const rulesOf = (text: string) => parseCidrRules(logicalLines(text));

/** Rule after rule, as Postfix does it. */
function inTurn(rules: readonly CidrRule[], family: 4 | 6, value: bigint): string | null {
  for (const { network, isNegated, result, rules: inner } of rules) {
    if (network.family !== family || (masked(value, family, network.bits) === network.base) === isNegated) continue;
    const found = result ?? inTurn(inner ?? [], family, value);
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
            const base = masked(BigInt(a * 2 ** 24 + b * 2 ** 16), 4, bits);
            const network = `${[24n, 16n, 8n, 0n].map((shift) => (base >> shift) & 255n).join(".")}/${bits}`;
            if (mark === "endif") return mark;
            return mark.startsWith("if") ? `${mark}${network}` : `${mark}${network} r${at}`;
          })
          .join("\n");
        const { rules } = rulesOf(text);
        const index = new NetworkIndex(rules);
        for (const [a, b, c] of clients) {
          const value = BigInt(a * 2 ** 24 + b * 2 ** 16 + c);
          expect(index.find(4, value)).toBe(inTurn(rules, 4, value));
        }
      },
    ),
  );
});

it("finds the first of 100,000 rows without asking them all", { timeout: 60_000 }, () => {
  const rows = Array.from({ length: 100_000 }, (_, n) => `10.${(n >> 8) & 255}.${n & 255}.${n >> 16} row${n}`);
  const { rules, mistakes } = rulesOf(`${rows.join("\n")}\n10.0.0.0/8 ten\n2001:db8::/32 six\n0.0.0.0/0 all`);
  expect(mistakes).toEqual([]);
  const index = new NetworkIndex(rules);
  const find = (text: string) => {
    const client = parseClient(text);
    return client && index.find(client.family, client.value);
  };
  expect(["10.1.2.0", "10.1.2.1", "10.1.2.3", "11.0.0.1", "2001:db8::9", "2001:db9::9"].map(find)).toEqual([
    "row258",
    "row65794",
    "ten",
    "all",
    "six",
    null,
  ]);
  // Rule after rule, these would be ten thousand million comparisons.
  for (let n = 0; n < 100_000; n += 1) index.find(4, BigInt(0x0aff_ff00) + BigInt(n & 255));
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
