import { addressOf, envelopeOf, fixture, optionsOf, smtpTestServer } from "postern/testing";
import { expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

async function routeOf(from: string | null, to: string, entries: string) {
  const options = optionsOf(plugin, { maps: [`inline:{ ${entries} }`] });
  const server = await smtpTestServer({ plugins: [fixture, [plugin, options]] });
  onTestFinished(() => server.close());
  const envelope = envelopeOf({ from });
  const recipient = envelope.addRecipient({ address: addressOf(to) });
  return (await server.kernel.claim("route", recipient, envelope)).verdict;
}

const away = "x@elsewhere.example";

it.each([
  ["ann@example.net", "ann@example.net=[relay.example]:587", { transport: "smtp", nextHop: "[relay.example]:587" }],
  ["ann+x@example.net", "ann@example.net=relay.example:26", { transport: "smtp", nextHop: "relay.example:26" }],
  ["ann@example.net", "@example.net=lmtp:[127.0.0.1]:24", { transport: "lmtp", nextHop: "[127.0.0.1]:24" }],
  [
    null,
    "<>=bounces.example",
    { transport: "smtp", nextHop: "bounces.example", concurrencyKey: "smtp:bounces.example" },
  ],
])("mail of %s leaves as %s says", async (from, entries, expected) => {
  expect(await routeOf(from, away, entries)).toMatchObject({ verdict: "routed", ...expected });
});

it.each([
  ["of other senders", "bob@example.net", away],
  ["that an entry lets go", "eve@example.net", away],
  ["for mailboxes here", "ann@example.net", "user@example.org"],
])("mail %s goes the usual way", async (_, from, to) => {
  expect(await routeOf(from, to, "ann@example.net=relay.example, eve@example.net=DUNNO")).toBeNull();
});

it.each(["[relay", "relay.example:0", "{smtp: relay}"])("an entry %s lets the mail wait", async (value) => {
  const entries = value.startsWith("{") ? "{ann@example.net=smtp: relay}" : `ann@example.net=${value}`;
  expect(await routeOf("ann@example.net", away, entries)).toMatchObject({ verdict: "defer" });
});
