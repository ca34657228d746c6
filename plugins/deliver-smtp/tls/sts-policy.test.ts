import { describe, expect, it } from "vitest";
import { isStsHost, readStsPolicy, readStsRecord, stsLines } from "./sts-policy.ts";

it.each([
  [["v=STSv1; id=20260101T000000Z;"], "20260101T000000Z"],
  [["v=STSv1;id=1"], "1"],
  [["v=STSv1 ; other=x ; id=7 "], "7"],
  [["v=spf1 -all", "v=STSv1; id=2;"], "2"],
  [["v=STSv1; id=1;", "v=STSv1; id=2;"], null],
  [["v=STSv2; id=1;"], null],
  [["v=STSv1; id=not-alphanumeric;"], null],
  [[`v=STSv1; id=${"a".repeat(33)};`], null],
  [["v=STSv1;"], null],
  [[], null],
])("the record %j has the id %s", (texts, id) => {
  expect(readStsRecord(texts)).toBe(id);
});

describe("a policy", () => {
  const whole = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.Example.NET\r\nmax_age: 604800\r\n";

  it("is read, with line ends of either kind, unknown fields and repetitions", () => {
    const read = { mode: "enforce", mx: ["mail.example.org", "*.example.net"], maxAgeMs: 604_800_000 };
    expect(readStsPolicy(whole)).toEqual(read);
    expect(readStsPolicy(`${whole.replaceAll("\r\n", "\n")}later: field\nmode: none\n\n`)).toEqual(read);
    expect(readStsPolicy("version:STSv1\nmode:none\nmax_age:9999999999")).toEqual({
      mode: "none",
      mx: [],
      maxAgeMs: 31_557_600_000,
    });
  });

  it.each([
    ["<html>", "a line is no field"],
    [whole.replace("STSv1", "STSv2"), "version"],
    [whole.replace("mode: enforce", "mode: maybe"), "mode"],
    [whole.replace("604800", "-1"), "max_age"],
    [whole.replace("604800", "99999999999"), "max_age"],
    [whole.replace(/mx: .*\r\n/g, ""), "no mx"],
    [whole.replace("mail.example.org", "mail example"), "no host name"],
    [whole.replace("mail.example.org", "a.*.example"), "no host name"],
    [whole + "mx: a.example\n".repeat(200), "more than"],
    ["", "version"],
  ])("that is none: %#", (text, mistake) => {
    expect(readStsPolicy(text)).toEqual({ mistake: expect.stringContaining(mistake) });
  });

  it("goes into reports as its lines", () => {
    const policy = { id: "1", fetchedAtMs: 0, mode: "testing" as const, mx: ["*.a.example"], maxAgeMs: 5_000 };
    expect(stsLines(policy)).toEqual(["version: STSv1", "mode: testing", "mx: *.a.example", "max_age: 5"]);
  });

  it.each([
    ["mail.example.org", true],
    ["MAIL.example.org.", true],
    ["mx1.example.net", true],
    ["a.mx1.example.net", false],
    ["example.net", false],
    ["mail.example.org.evil.example", false],
    ["net", false],
    ["", false],
  ])("knows %s: %s", (host, isKnown) => {
    expect(isStsHost({ mx: ["mail.example.org", "*.example.net"] }, host)).toBe(isKnown);
  });
});
