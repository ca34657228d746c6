/** Handing over to Postern's own LMTP listener: two of our own that have to understand each other. */
import { accept, definePlugin, found, proceed, reject } from "postern/plugin";
import { smtpTestServer } from "postern/testing";
import { expect, it, onTestFinished } from "vitest";
import { deliver } from "./testing/deliveries.ts";

const mailboxes = definePlugin({
  name: "directory-example",
  api: 1,
  setup: () => ({
    hooks: {
      findDomain: ({ domain }) => (domain === "example.org" ? accept("local") : proceed),
      findAccount: (query) =>
        "address" in query && query.address.domain === "example.org" && query.address.localPart !== "nobody"
          ? found({ login: String(query.address), addresses: [query.address], home: "/nowhere", quotaBytes: null })
          : proceed,
      messageFor: (_envelope, _message, { address }) =>
        address.localPart === "picky" ? reject("Wants none of this") : proceed,
    },
  }),
});

async function listener(tls: "none" | "optional") {
  const server = await smtpTestServer({ role: "lmtp", tls, plugins: [mailboxes] });
  onTestFinished(() => server.close());
  return server;
}

it.each(["none", "optional"] as const)("each recipient has its own answer, with tls: %s", async (tls) => {
  const server = await listener(tls);
  const to = ["ann@example.org", "picky@example.org", "nobody@example.org", "bob@example.org"];
  const outcomes = await deliver(`[127.0.0.1]:${server.port}`, to, { tls: tls === "none" ? "none" : "required" });
  expect(outcomes).toEqual([
    expect.stringMatching(/^ann@example\.org delivered 250 2\.\d\.0 -$/),
    expect.stringMatching(/^picky@example\.org failed 55\d 5\.\d\.\d recipient$/),
    expect.stringMatching(/^nobody@example\.org failed 550 5\.1\.\d recipient$/),
    expect.stringMatching(/^bob@example\.org delivered 250 2\.\d\.0 -$/),
  ]);
  expect(server.accepted).toHaveLength(1);
  expect(server.accepted[0]?.envelope.recipients.map(({ address }) => address)).toEqual([
    "ann@example.org",
    "bob@example.org",
  ]);
  expect(server.accepted[0]?.text).toContain("\r\n\r\nhello\r\n");
});

it("everybody waits while the server cannot store anything", async () => {
  const server = await listener("none");
  server.spoolFault = "broken";
  const to = ["ann@example.org", "bob@example.org"];
  const outcomes = await deliver(`[127.0.0.1]:${server.port}`, to);
  expect(outcomes).toEqual(to.map((address) => expect.stringMatching(`^${address} deferred 4`)));
  server.spoolFault = "none";
  expect(await deliver(`[127.0.0.1]:${server.port}`, to)).toEqual(
    to.map((address) => expect.stringMatching(`^${address} delivered 250`)),
  );
});
