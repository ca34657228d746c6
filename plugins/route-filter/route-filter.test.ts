import { REINJECTED_LABEL } from "postern/plugin";
import { addressOf, envelopeOf, fixture, optionsOf, smtpTestServer } from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

const filter = "smtp:[127.0.0.1]:10025";

async function open(options: object) {
  const server = await smtpTestServer({ plugins: [fixture, [plugin, optionsOf(plugin, options)]] });
  onTestFinished(() => server.close());
  return async (envelope: ReturnType<typeof envelopeOf>) => {
    const recipient = envelope.addRecipient({ address: addressOf("user@example.org") });
    return (await server.kernel.claim("route", recipient, envelope)).verdict;
  };
}

const toFilter = { transport: "smtp", nextHop: "[127.0.0.1]:10025", concurrencyKey: filter };

describe("mail goes to the filter", () => {
  it.each(["smtp", "lmtp", "sendmail", "forward", "release"] as const)("that came by %s", async (origin) => {
    const route = await open({ filter });
    expect(await route(envelopeOf({ origin, session: null }))).toMatchObject(toFilter);
  });

  it("unless it comes from there, or was written here", async () => {
    const route = await open({ filter });
    const handedBack = envelopeOf();
    handedBack.setLabel(REINJECTED_LABEL, true);
    expect(await route(handedBack)).toBeNull();
    expect(await route(envelopeOf({ origin: "bounce", session: null, from: null }))).toBeNull();
  });

  it("of its sender's", async () => {
    const senderMaps = [`inline:{ ann@example.net=lmtp:[::1]:24, @example.com=none, <>=smtp:bounces.example }`];
    const route = await open({ filter, senderMaps });
    expect(await route(envelopeOf({ from: "ann@example.net" }))).toMatchObject({
      transport: "lmtp",
      nextHop: "[::1]:24",
    });
    expect(await route(envelopeOf({ from: "bob@example.com" }))).toBeNull();
    expect(await route(envelopeOf({ from: null }))).toMatchObject({ nextHop: "bounces.example" });
    expect(await route(envelopeOf({ from: "eve@example.org" }))).toMatchObject(toFilter);
  });

  it("and waits where an entry is no filter", async () => {
    const route = await open({ filter, senderMaps: ["inline:{ {ann@example.net=nowhere at all} }"] });
    expect(await route(envelopeOf({ from: "ann@example.net" }))).toMatchObject({ verdict: "defer" });
  });
});

it.each(["smtp:[127.0.0.1", "smtp::25", "smtp:a/b"])("%s keeps the server from starting", async (text) => {
  await expect(open({ filter: text })).rejects.toThrow("has no next hop");
});
