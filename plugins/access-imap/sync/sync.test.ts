import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseModseq, parseModseqOrZero } from "./modseq.ts";
import { parseSelectParameters } from "./select-parameters.ts";
import { commonRanges, formatRanges, rangesWithout } from "./uid-ranges.ts";

const parserOf = (text: string): CommandParser => new CommandParser([text]);

/** Ascending ranges that do not touch, from the set of numbers they stand for. */
const rangesOf = (numbers: readonly number[]) => {
  const ranges: { first: number; last: number }[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const previous = ranges.at(-1);
    if (previous?.last === number - 1) previous.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges;
};
const numbersIn = (ranges: readonly { first: number; last: number }[]): number[] =>
  ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
const numbers = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });

describe("ranges of UIDs", () => {
  it("have in common what their numbers have", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const common = numbersIn(commonRanges(rangesOf(a), rangesOf(b)));
        expect(common).toEqual(numbersIn(rangesOf(a)).filter((number) => b.includes(number)));
      }),
    );
  });

  it("are without what is taken out of them", () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const uids = [...new Set(b)].sort((one, other) => one - other);
        expect(numbersIn(rangesWithout(rangesOf(a), uids))).toEqual(
          numbersIn(rangesOf(a)).filter((number) => !b.includes(number)),
        );
      }),
    );
  });

  it("are written as a set", () => {
    expect(formatRanges(rangesOf([1, 2, 3, 7, 9, 10]))).toBe("1:3,7,9:10");
  });
});

describe("modification sequences", () => {
  it.each([
    ["1", 1],
    ["1795393390167000", 1_795_393_390_167_000],
    ["9223372036854775807", Number.MAX_SAFE_INTEGER],
  ])("%s", (text, value) => expect(parseModseq(parserOf(text))).toBe(value));

  it.each(["0", "9223372036854775808", "99999999999999999999", "-1", "1x", ""])("refuses %j", (text) => {
    expect(() => parseModseq(parserOf(text))).toThrow(SyntaxFault);
  });

  it("takes 0 where it means something", () => expect(parseModseqOrZero(parserOf("0"))).toBe(0));
});

describe("parameters of SELECT", () => {
  it("are none, CONDSTORE, or what the client knows", () => {
    expect(parseSelectParameters(parserOf(""))).toEqual({ isCondstore: false, qresync: null });
    expect(parseSelectParameters(parserOf(" (condstore)"))).toEqual({ isCondstore: true, qresync: null });
    const { isCondstore, qresync } = parseSelectParameters(parserOf(" (QRESYNC (7 12 1:5,9 (1,3 2,8)) CONDSTORE)"));
    expect(isCondstore).toBe(true);
    expect(qresync).toMatchObject({ uidValidity: 7, modseq: 12 });
    expect(qresync?.knownUids?.resolve(0)).toEqual([
      [1, 5],
      [9, 9],
    ]);
    expect(qresync?.match?.uids.resolve(0)).toEqual([
      [2, 2],
      [8, 8],
    ]);
  });

  it("may leave out the known UIDs and still have a sample", () => {
    const { qresync } = parseSelectParameters(parserOf(" (QRESYNC (7 12 (1 2)))"));
    expect(qresync?.knownUids).toBeNull();
    expect(qresync?.match?.numbers.resolve(0)).toEqual([[1, 1]]);
  });

  it("throws nothing but SyntaxFault, whatever comes", () => {
    const pieces = fc.constantFrom(" ", "(", ")", "QRESYNC", "CONDSTORE", "1", "0", "1:*", "$", "4294967296", ",", '"');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
        try {
          parseSelectParameters(parserOf(` (${parts.join("")}`));
        } catch (fault) {
          expect(fault).toBeInstanceOf(SyntaxFault);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
