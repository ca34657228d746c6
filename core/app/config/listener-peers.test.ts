import { describe, expect, it } from "vitest";
import { grantsOf, peerSlips } from "./listener-peers.ts";

const path = ["listeners", 0];

describe("what a listener grants", () => {
  it("is nothing where nothing is said", () => {
    expect(grantsOf({ role: "mx", port: 25 })).toBeNull();
  });

  it("is this machine, with XFORWARD, for content filters", () => {
    const own = ["127.0.0.0/8", "::1/128", "unix"];
    expect(grantsOf({ role: "reinject", port: 10026 })).toEqual({
      from: own,
      xclient: [],
      xforward: own,
      vrfy: "off",
      etrn: "off",
      etrnDomains: null,
    });
    expect(grantsOf({ role: "reinject", port: 10026, from: ["192.0.2.9"] })?.xforward).toEqual(["192.0.2.9"]);
  });

  it("is what is written", () => {
    expect(grantsOf({ role: "mx", port: 25, xclient: ["192.0.2.1"], vrfy: "authenticated", etrn: ["::1"] })).toEqual({
      from: null,
      xclient: ["192.0.2.1"],
      xforward: [],
      vrfy: "authenticated",
      etrn: ["::1"],
      etrnDomains: null,
    });
  });
});

describe("what is wrong with it", () => {
  it.each<[Parameters<typeof peerSlips>[0], string, "warning" | undefined]>([
    [{ role: "lmtp", port: 25 }, "LMTP is never spoken on port 25", undefined],
    [{ role: "imap", port: 143, xclient: ["::1"] }, "xclient is of no use for the role imap", undefined],
    [
      { role: "mx", port: 25, xforward: ["10.0.0.1/8"] },
      '"10.0.0.1/8" has bits behind its prefix: did you mean 10.0.0.0/8?',
      undefined,
    ],
    [{ role: "mx", port: 25, xclient: ["0.0.0.0/0"] }, "0.0.0.0/0: everybody could say who he is", "warning"],
    [
      { role: "reinject", port: 26, from: ["::/0"] },
      "::/0: everybody could send mail to anybody through here",
      undefined,
    ],
    [{ role: "mx", port: 25, etrn: "always" }, "everybody may start queue runs for any domain", "warning"],
    [{ role: "mx", port: 25, etrn: "always", etrnDomains: ["a b"] }, '"a b" is no domain', undefined],
  ])("%j: %s", (keys, text, severity) => {
    expect(peerSlips(keys, path)).toMatchObject([{ text, ...(severity && { severity }) }]);
  });

  it.each<Parameters<typeof peerSlips>[0]>([
    { role: "lmtp", port: 24 },
    { role: "lmtp", path: "lmtp.sock", vrfy: ["unix"] },
    { role: "mx", port: 25, xclient: ["192.0.2.0/24", "2001:db8::/32", "unix"], from: ["0.0.0.0/0"] },
    { role: "mx", port: 25, etrn: "always", etrnDomains: ["example.org"] },
    { role: "reinject", port: 10026 },
  ])("nothing: %j", (keys) => {
    expect(peerSlips(keys, path)).toEqual([]);
  });
});
