import { parseAddress } from "postern/mail";
import type { Recipient } from "postern/plugin";
import { expect, it } from "vitest";
import { recipientParameters, utf8Xtext, xtext } from "./parameters.ts";

it("passes DSN wishes on only where they are understood", () => {
  const address = parseAddress("user@example.org");
  if (!address) throw new Error("no address");
  const recipient: Recipient = {
    id: 1,
    address,
    orcpt: { type: "rfc822", address: "a+b@example.org" },
    notify: new Set(["success", "failure"]),
    parents: [],
  };
  expect(recipientParameters(recipient, () => true)).toBe(" NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.org");
  expect(recipientParameters(recipient, () => false)).toBe("");
  expect(
    recipientParameters(
      { ...recipient, notify: new Set(), orcpt: { type: "utf-8", address: "j\u00f6rg+x@b\u00fccher.example" } },
      () => true,
    ),
  ).toBe(" ORCPT=utf-8;j\\x{F6}rg\\x{2B}x@b\\x{FC}cher.example");
  expect(utf8Xtext("a=\\\u{1f600}")).toBe("a\\x{3D}\\x{5C}\\x{1F600}");
  expect(xtext("a=b c\u00e9")).toBe("a+3Db+20c+C3+A9");
});
