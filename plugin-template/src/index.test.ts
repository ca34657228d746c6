import type { Session } from "postern/plugin";
import { addressOf, envelopeOf, kernelOf, optionsOf, sessionOf } from "postern/testing";
import { describe, expect, it } from "vitest";
import plugin from "./index.ts";

/** A kernel with this plugin alone, and how it answers a recipient. */
async function ask(limit: number): Promise<(session: Session | null) => Promise<unknown>> {
  const kernel = await kernelOf([plugin, optionsOf(plugin, { limit })]);
  return async (session) => {
    const envelope = envelopeOf({ session });
    const recipient = envelope.addRecipient({ address: addressOf("ann@example.org") });
    return (await kernel.policy("rcptTo", envelope, recipient)).verdict;
  };
}

const tooMany = { verdict: "defer", refusal: { text: "Too many recipients", code: 452, detail: "5.3" } };

describe("policy-recipient-limit", () => {
  it("refuses for now what goes beyond the limit of a session", async () => {
    const rcptTo = await ask(2);
    const [one, other] = [sessionOf(), sessionOf()];
    expect(await rcptTo(one)).toMatchObject({ verdict: "proceed" });
    expect(await rcptTo(one)).toMatchObject({ verdict: "proceed" });
    expect(await rcptTo(other)).toMatchObject({ verdict: "proceed" });
    expect(await rcptTo(one)).toMatchObject(tooMany);
  });

  it("leaves those alone who have logged in, and mail that no session brought", async () => {
    const rcptTo = await ask(1);
    const session = sessionOf({ identity: { login: "ann@example.org" } });
    for (let n = 0; n < 3; n++) {
      expect(await rcptTo(session)).toMatchObject({ verdict: "proceed" });
      expect(await rcptTo(null)).toMatchObject({ verdict: "proceed" });
    }
  });

  it("knows no other options", () => {
    expect(() => optionsOf(plugin, { limt: 2 })).toThrow(/unknown key "limt"/);
    expect(optionsOf(plugin)).toEqual({ limit: 50 });
  });
});
