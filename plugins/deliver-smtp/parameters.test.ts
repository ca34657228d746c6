import { parseAddress } from "postern/mail";
import type { Recipient } from "postern/plugin";
import { expect, it } from "vitest";
import { recipientParameters, xtext } from "./parameters.ts";

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
  expect(xtext("a=b c\u00e9")).toBe("a+3Db+20c+C3+A9");
});
