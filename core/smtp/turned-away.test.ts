/** Without `delayReject` a client learns at once that it is not wanted, and then it gets nothing else out of this server. */
import { expect, it, onTestFinished } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin } from "../kernel/define.ts";
import { proceed, reject } from "../kernel/verdicts.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { smtpPeers } from "./peers.ts";

const proxied = smtpPeers({
  from: null,
  xclient: ["127.0.0.1"],
  xforward: [],
  vrfy: "off",
  etrn: "off",
  etrnDomains: null,
});

async function serverWith(hooks: Hooks, options: SmtpTestOptions = {}): Promise<SmtpTestServer> {
  const policy = definePlugin({ name: "policy-test", api: 1, setup: () => ({ hooks }) });
  const server = await smtpTestServer({
    config: { delayReject: false, peers: proxied },
    ...options,
    plugins: [policy, fixture],
  });
  onTestFinished(() => server.close());
  return server;
}

async function connected(server: SmtpTestServer): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

const MESSAGE =
  "EHLO x.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n";
/** RFC 5321 3.1: 503 to whatever is not QUIT. */
const NOTHING_BUT_QUIT = /^(?:503 5\.5\.1 [^\r]*\r\n|500 [^\r]*\r\n)+221 2\.0\.0 Good-bye\r\n$/;

it("a client that is refused instead of greeted may say QUIT, and nothing else counts", async () => {
  const server = await serverWith({ connect: () => reject("Not you") });
  const client = await connected(server);
  expect(await client.until(/\r\n/)).toBe("554 Not you\r\n");
  client.send(MESSAGE);
  expect((await client.closed()).replace("554 Not you\r\n", "")).toMatch(NOTHING_BUT_QUIT);
  expect(server.accepted).toHaveLength(0);
});

it("a client that speaks before it is refused is not left waiting", async () => {
  const server = await serverWith({
    connect: (session) =>
      new Promise((resolve) => session.spokenEarly?.addEventListener("abort", () => resolve(reject("Not you")))),
  });
  const client = await connected(server);
  client.send(MESSAGE);
  expect(await client.closed()).toBe("554 5.5.0 Spoke before the greeting\r\n");
});

it("a client that a proxy speaks for is refused as if it had come itself; the next one is another", async () => {
  const server = await serverWith({
    connect: ({ remote }) => (remote.address === "192.0.2.7" ? reject("Not you") : proceed),
  });
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  expect(await client.say("XCLIENT ADDR=192.0.2.7")).toBe("554 Not you");
  expect(await client.say("EHLO x.example")).toMatch(/^503 /);
  expect(await client.say("MAIL FROM:<a@example.net>")).toMatch(/^503 /);
  expect(await client.say("XCLIENT ADDR=192.0.2.8")).toMatch(/^220 /);
  expect(await client.say("EHLO x.example")).toMatch(/^250 /);
  expect(await client.say("MAIL FROM:<a@example.net>")).toMatch(/^250 /);
});

it("a client whose TLS is refused behind STARTTLS is told so at each command, and at none before", async () => {
  const server = await serverWith(
    { tls: (session) => (session.tls === null ? proceed : reject("Wrong certificate")) },
    { tls: "optional" },
  );
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  await client.say("EHLO x.example");
  expect(await client.say("STARTTLS")).toMatch(/^220 /);
  const said = client.received.length;
  await client.startTls();
  // RFC 3207 4.1
  expect(await client.say("EHLO x.example")).toBe("554 5.7.1 Wrong certificate");
  expect(await client.say("MAIL FROM:<a@example.net>")).toBe("554 5.7.1 Wrong certificate");
  expect(await client.say("RCPT TO:<user@example.org>")).toBe("554 5.7.1 Wrong certificate");
  expect(await client.say("QUIT")).toMatch(/^221 /);
  expect(client.received.slice(said).match(/^554/gm)).toHaveLength(3);
});
