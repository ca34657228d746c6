/**
 * A backup MX from end to end, in one process: policy-relay takes the mail of a relay domain, policy-verify asks the primary, deliver-smtp
 * hands it on by MX to nobody but better servers; what cannot be handed on waits.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Server } from "../../core/app/server.ts";
import { startDnsServer, type TestDnsServer } from "../../core/testing/dns-server.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { type ScriptedServer, startScriptedServer } from "../../core/testing/scripted-smtp-server.ts";
import { startInProcess } from "./in-process.ts";

let directory: string;
let dns: TestDnsServer;
let primary: ScriptedServer;
let server: Server | null = null;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-backup-mx-"));
  primary = await startScriptedServer({
    RCPT: (line) => (line.includes("ann@") ? "250 2.1.5 ok" : "550 5.1.1 no such user"),
  });
  const mx = (name: string, preference: number, exchange: string) =>
    ({ name, type: "MX", data: { preference, exchange } }) as const;
  dns = await startDnsServer([
    mx("relay.example", 10, "primary.example"),
    mx("relay.example", 20, "MX.example.org"),
    mx("relay.example", 30, "worse.example"),
    mx("ours.example", 10, "mx.example.org"),
    mx("ours.example", 20, "primary.example"),
    { name: "primary.example", type: "A", data: "127.0.0.1" },
    { name: "mx.example.org", type: "A", data: "127.0.0.1" },
    { name: "worse.example", type: "A", data: "127.0.0.3" },
  ]);
});
afterEach(async () => {
  await server?.close();
  server = null;
  await primary.close();
  await dns.close();
  await rm(directory, { recursive: true, force: true });
});

const start = async (deliverPort: number) => {
  const started = await startInProcess(
    directory,
    `dns: { servers: ["${dns.server}"] }
listeners: [{ role: mx, host: 127.0.0.1, port: 0 }]
plugins:
  - policy-relay: { relayDomains: [relay.example, ours.example] }
  - policy-verify: { port: ${primary.port}, recipientDomains: [relay.example], wait: 25s }
  - deliver-smtp: { port: ${deliverPort} }
`,
  );
  server = started.server;
  return { port: started.ports[0] ?? 0, lines: started.lines };
};

async function send(port: number, to: string): Promise<string> {
  const client = await RawClient.open(port, "127.0.0.9");
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<bob@example.net>");
  const reply = await client.say(`RCPT TO:<${to}>`);
  if (!reply.startsWith("250")) {
    client.socket.destroy();
    return reply;
  }
  await client.say("DATA");
  const answer = await client.say("Subject: over there\r\n\r\nhello\r\n.");
  client.socket.destroy();
  return answer;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${isSo}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it("takes what the primary takes, and hands it on to the primary alone", async () => {
  const { port } = await start(primary.port);
  expect(await send(port, "carl@relay.example")).toMatch(/^550 5\.1\.1 .*host primary\.example said: 550 5\.1\.1/);
  expect(await send(port, "dan@elsewhere.example")).toMatch(/^550 5\.7\.1/);
  expect(await send(port, "ann@relay.example")).toMatch(/^250/);
  await until(() => primary.contents.length === 1);
  expect(primary.contents[0]).toContain("Subject: over there");
  expect(primary.heard.filter((line) => line.startsWith("DATA"))).toHaveLength(1);
});

it("keeps mail while the primary is away, and never tries itself or a worse server", async () => {
  const closed = await startScriptedServer({});
  await closed.close();
  const { port, lines } = await start(closed.port);
  expect(await send(port, "ann@relay.example")).toMatch(/^250/);
  await until(() => lines.some(({ text }) => text.includes("deferred")));
  expect(dns.asked.some((asked) => asked.includes("worse.example"))).toBe(false);
});

it("gives mail back for a domain of which it is itself the best MX", async () => {
  const { port, lines } = await start(primary.port);
  expect(await send(port, "eve@ours.example")).toMatch(/^250/);
  await until(() => lines.some(({ fields }) => JSON.stringify(fields).includes("5.4.6")));
  expect(primary.contents).toEqual([]);
});
