import { describe, expect, it } from "vitest";
import { parseAddress } from "./address.ts";
import { wasDeliveredTo } from "./delivered-to.ts";

const ann = parseAddress("jos\u00e9@example.org");

describe("a message that was delivered before", () => {
  it.each([
    ["jos\u00e9@example.org", true],
    [" <JOS\u00c9@EXAMPLE.ORG> ", true],
    // RFC 5321 4.1.2: quoting says nothing. RFC 6532 3.1: nor does how a letter is put together.
    ['"jos\u00e9"@example.org', true],
    ["jose\u0301@example.org", true],
    ["jos\u00e9@example.com", false],
    ["josef@example.org", false],
    ["", false],
    ["jos\u00e9@example.org, bob@example.org", false],
    ["\u0000", false],
  ])("%j: %s", (value, expected) => {
    if (!ann) throw new Error("no address");
    const message = { headers: { all: (name: string) => (name === "Delivered-To" ? ["x@example.net", value] : []) } };
    expect(wasDeliveredTo(message, ann)).toBe(expected);
  });
});
