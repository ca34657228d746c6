import { describe, expect, it } from "vitest";
import { isReply, parseParameters } from "./parameters.ts";
import { decodeUtf8Address, decodeXtext } from "./xtext.ts";

const known = new Set(["SIZE", "SMTPUTF8", "AUTH"]);
const answer = (rest: string): unknown => {
  const parsed = parseParameters(rest, known);
  return isReply(parsed) ? parsed.wire.slice(0, 9) : Object.fromEntries(parsed);
};

describe("parameters", () => {
  it.each<[string, unknown]>([
    ["", {}],
    [" SIZE=10", { SIZE: "10" }],
    [" size=10  SmtpUtf8 ", { SIZE: "10", SMTPUTF8: null }],
    [" AUTH=<>", { AUTH: "<>" }],
    [" SIZE=", "501 5.5.4"],
    [" SIZE=1=2", "501 5.5.4"],
    [" SIZE=1 SIZE=2", "501 5.5.4"],
    [" =1", "501 5.5.4"],
    [" -A=1", "501 5.5.4"],
    [" XYZ=1", "555 5.5.4"],
    [" XYZ", "555 5.5.4"],
  ])("reads %j", (rest, expected) => {
    expect(answer(rest)).toEqual(expected);
  });
});

describe("xtext", () => {
  it.each<[string, string | null]>([
    ["plain", "plain"],
    ["a+2Bb+3Dc", "a+b=c"],
    ["", ""],
    ["+2b", null],
    ["+", null],
    ["a=b", null],
    ["a b", null],
    ["a+0D+0Ab", null],
    ["+00", null],
    ["+7F", null],
    ["\u00e9", null],
  ])("decodes %j", (raw, expected) => {
    expect(decodeXtext(raw)).toBe(expected);
  });

  it.each<[string, string | null]>([
    ["user@example.org", "user@example.org"],
    ["\\x{E9}l@example.org", "\u00e9l@example.org"],
    ["\u00e9l@example.org", "\u00e9l@example.org"],
    ["\\x{10FFFF}", "\u{10ffff}"],
    ["\\x{110000}", null],
    ["\\x{D800}", null],
    ["\\x{0A}", null],
    ["\\x{}", null],
    ["\\", null],
    ["a=b", null],
    ["", null],
  ])("decodes the utf-8 address %j", (raw, expected) => {
    expect(decodeUtf8Address(raw)).toBe(expected);
  });
});
