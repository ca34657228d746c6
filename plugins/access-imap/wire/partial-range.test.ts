import { describe, expect, it } from "vitest";
import { CommandParser } from "./command-parser.ts";
import { parsePartialRange, sliceOf } from "./partial-range.ts";
import { SyntaxFault } from "./syntax-fault.ts";

const parsed = (text: string) => parsePartialRange(new CommandParser([text]));

describe("ranges of results", () => {
  it.each<[text: string, count: number, start: number, end: number]>([
    ["1:3", 10, 0, 3],
    ["3:1", 10, 0, 3],
    ["9:20", 10, 8, 10],
    ["11:20", 10, 10, 10],
    ["-1:-3", 10, 7, 10],
    ["-9:-20", 10, 0, 2],
    ["-11:-20", 10, 0, 0],
    ["1:4294967295", 0, 0, 0],
  ])("%s of %d are those from %d up to %d", (text, count, start, end) => {
    expect(sliceOf(parsed(text), count)).toEqual({ start, end });
  });

  it.each(["0:1", "1:0", "1", "1:*", "-1:1", "1:-1", "--1:-1", "1:4294967296", ":", ""])("%j is none", (text) => {
    expect(() => parsed(text)).toThrow(SyntaxFault);
  });

  it.each(["1:3", "-1:-3", "7:7"])("%s is written as it was read", (text) => {
    expect(parsed(text).text).toBe(text);
  });
});
