import { addressOf, envelopeOf, fixture, messageOf, optionsOf, sessionOf, smtpTestServer } from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";
import { masquerade, parseRule } from "./masquerade.ts";

describe("the domain that is shown", () => {
  const shown = (raw: string, domains: readonly string[], exceptions: readonly string[] = []) => {
    const address = masquerade(addressOf(raw), { domains: domains.map(parseRule), exceptions: new Set(exceptions) });
    return address && String(address);
  };

  it.each<[string, readonly string[], string | null]>([
    ["ann@host.example.org", ["example.org"], "ann@example.org"],
    ["ann@a.b.Example.org", ["Example.ORG"], "ann@example.org"],
    ["ann@example.org", ["example.org"], null],
    ["ann@notexample.org", ["example.org"], null],
    ["ann@x.example.net", ["example.org", "example.net"], "ann@example.net"],
    ["ann@h.sub.example.org", ["sub.example.org", "example.org"], "ann@sub.example.org"],
    ["ann@h.sub.example.org", ["example.org", "sub.example.org"], "ann@example.org"],
    ["ann@h.lists.example.org", ["!lists.example.org", "example.org"], null],
    ["ann@lists.example.org", ["!lists.example.org", "example.org"], null],
    ["ann@other.example.org", ["!lists.example.org", "example.org"], "ann@example.org"],
    ['"a b"@h.example.org', ["example.org"], '"a b"@example.org'],
    ["ann@[192.0.2.1]", ["example.org"], null],
    ["ann@h.example.org", [], null],
  ])("of %s within %j: %s", (raw, domains, expected) => expect(shown(raw, domains)).toBe(expected));

  it("of some users is their own", () => {
    expect(shown("Root@h.example.org", ["example.org"], ["root"])).toBeNull();
    expect(shown("root2@h.example.org", ["example.org"], ["root"])).toBe("root2@example.org");
  });

  it.each(["", "!", "a b", "[192.0.2.1]"])("%j is no domain", (text) =>
    expect(() => parseRule(text)).toThrow("no domain"),
  );
});

async function kernelWith(options: object) {
  const server = await smtpTestServer({ plugins: [[plugin, optionsOf(plugin, options)], fixture] });
  onTestFinished(() => server.close());
  return server.kernel;
}

const text = "From: A <a@h.example.org>\nTo: b@h.example.org\nX: a@h.example.org\n\nx\n";
const own = sessionOf({ identity: { login: "ann" } });

it("senders and header fields are masqueraded, recipients of the envelope are not", async () => {
  const kernel = await kernelWith({ domains: ["example.org"] });
  const envelope = envelopeOf({ session: own, from: "a@h.example.org" });
  const { message, changes, fault } = await kernel.transform("prepare", envelope, messageOf(text));
  expect(fault).toBeNull();
  expect(changes).toMatchObject([{ op: "reversePath" }]);
  expect(String(envelope.reversePath)).toBe("a@example.org");
  expect(["From", "To", "X"].map((name) => message.headers.get(name))).toEqual([
    "A <a@example.org>",
    "b@example.org",
    "a@h.example.org",
  ]);
  const recipient = envelope.addRecipient({ address: addressOf("b@h.example.org") });
  expect((await kernel.claim("expand", recipient, envelope)).verdict).toBeNull();
});

it("classes can be chosen", async () => {
  const kernel = await kernelWith({ domains: ["example.org"], classes: ["headerRecipient", "envelopeRecipient"] });
  const envelope = envelopeOf({ session: own, from: "a@h.example.org" });
  const { message } = await kernel.transform("prepare", envelope, messageOf(text));
  expect(String(envelope.reversePath)).toBe("a@h.example.org");
  expect(["From", "To"].map((name) => message.headers.get(name))).toEqual(["A <a@h.example.org>", "b@example.org"]);
  const recipient = envelope.addRecipient({ address: addressOf("b@h.example.org") });
  expect((await kernel.claim("expand", recipient, envelope)).verdict).toMatchObject({
    verdict: "expanded",
    to: [{ address: addressOf("b@example.org") }],
    grantsRelay: false,
  });
});

it("the header of foreign mail stays, unless all is asked for", async () => {
  for (const [headersOf, expected] of [
    ["own", "A <a@h.example.org>"],
    ["all", "A <a@example.org>"],
  ] as const) {
    const kernel = await kernelWith({ domains: ["example.org"], headersOf });
    const { message } = await kernel.transform("prepare", envelopeOf(), messageOf(text));
    expect(message.headers.get("From")).toBe(expected);
  }
});
