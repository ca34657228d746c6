import { describe, expect, it } from "vitest";
import { addressOf } from "../testing/mail.ts";
import { readFeatures } from "./features.ts";
import { recipientGroups } from "./recipient-groups.ts";

const offered = (...lines: readonly string[]) => readFeatures(["peer.example", ...lines]);

describe("what a host offers", () => {
  it("is read from the lines behind the first", () => {
    const features = readFeatures(["PIPELINING", "size 1000", "8BITMIME", "AUTH PLAIN login", "AUTH=LOGIN X", "x", ""]);
    expect(features.has("PIPELINING")).toBe(false);
    expect(features.has("8BITMIME")).toBe(true);
    expect(features.sizeLimitBytes).toBe(1_000);
    expect(features.mechanisms).toEqual(["PLAIN", "LOGIN", "X"]);
  });
  it.each([
    ["SIZE", null],
    ["SIZE 0", null],
    ["SIZE many", null],
    ["SIZE 99999999999999999999", null],
    ["SIZE 42 more", 42],
  ])("%s is %j", (line, expected) => {
    expect(offered(line).sizeLimitBytes).toBe(expected);
  });
  it("is nothing to HELO", () => {
    expect(readFeatures(null)).toMatchObject({ isExtended: false, mechanisms: [] });
  });
  it.each([
    ["LIMITS RCPTMAX=2 MAILMAX=20", { mails: 20, recipients: 2 }],
    ["LIMITS RCPTMAX=0 MAILMAX=x", { mails: Number.POSITIVE_INFINITY, recipients: Number.POSITIVE_INFINITY }],
  ])("%s", (line, expected) => {
    expect(offered(line).limits).toMatchObject(expected);
  });
});

it.each([
  ["LIMITS", [["a@x", "b@y", "c@x"]]],
  ["LIMITS RCPTMAX=2", [["a@x", "b@y"], ["c@x"]]],
  ["LIMITS RCPTDOMAINMAX=1", [["a@x"], ["b@y"], ["c@x"]]],
  ["LIMITS RCPTMAX=1", [["a@x"], ["b@y"], ["c@x"]]],
])("recipients go together as %s lets them", (line, expected) => {
  const recipients = ["a@x", "b@y", "c@x"].map((text, index) => ({
    id: index + 1,
    address: addressOf(`${text}.example`),
    orcpt: null,
    notify: new Set<never>(),
    parents: [],
  }));
  const groups = recipientGroups(recipients, offered(line));
  expect(groups.map((group) => group.map(({ address }) => String(address).replace(".example", "")))).toEqual(expected);
});
