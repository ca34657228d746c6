/** What the options of the plugin come to, with the services of a server. */
import { NextHops, Outbound, type Outcome, Resolver } from "postern/plugin";
import {
  envelopeOf,
  kernelWith,
  messageOf,
  optionsOf,
  type PeerServer,
  resolverOf,
  startDnsServer,
  startPeerServer,
  type TemporaryKeyValue,
  type TestDnsServer,
  tablesService,
  temporaryKeyValue,
  testOutbound,
} from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import plugin from "../index.ts";

let peer: PeerServer;
let dns: TestDnsServer;
let kv: TemporaryKeyValue;
let outbound = testOutbound();

beforeEach(async () => {
  outbound = testOutbound();
  kv = await temporaryKeyValue();
  peer = await startPeerServer(async (one) => {
    await one.greet();
    const line = await one.answer({ MAIL: "250 2.1.0 ok", RCPT: "250 2.1.5 ok" });
    if (line !== "DATA") return;
    one.say("354 go on");
    await one.content();
    one.say("250 2.0.0 taken");
  });
  dns = await startDnsServer([
    { name: "example.org", type: "MX", data: { preference: 10, exchange: "mx.example.org" } },
    { name: "mx.example.org", type: "A", data: "127.0.0.1" },
    {
      name: `_${peer.port}._tcp.mx.example.org`,
      type: "TLSA",
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32) },
    },
  ]);
  dns.signed.add("example.org");
});
afterEach(async () => {
  outbound.close();
  await Promise.all([peer.close(), dns.close(), kv.close()]);
});

async function withOptions<T>(options: object, use: (kernel: Awaited<ReturnType<typeof kernelWith>>) => Promise<T>) {
  const nextHops: NextHops = {
    route: async () => null,
    hosts: async () => ({ at: "found", hosts: [{ name: "mx.example.org", address: "127.0.0.1" }] }),
    domain: async () => "exists",
  };
  const kernel = await kernelWith(
    {
      services: [
        kv.service,
        tablesService(),
        [Outbound, outbound],
        [NextHops, nextHops],
        [Resolver, resolverOf({ servers: [dns.server] })],
      ],
    },
    [plugin, optionsOf(plugin, { port: peer.port, reuse: { messages: 1 }, ...options })],
  );
  try {
    return await use(kernel);
  } finally {
    await kernel.stop();
  }
}

const deliver = (options: object) =>
  withOptions(options, async (kernel) => {
    const envelope = envelopeOf({ to: ["bob@example.org"] });
    const outcomes: Outcome[] = [];
    await kernel.deliver({
      envelope,
      message: messageOf("Subject: x\n\nhello\n"),
      route: { verdict: "routed", transport: "smtp", nextHop: "example.org", concurrencyKey: "smtp" },
      recipients: envelope.recipients,
      attempt: 1,
      settle: async (_, outcome) => void outcomes.push(outcome),
    });
    return outcomes.map(({ at, reply }) => `${at} ${reply.code}`);
  });

it("a host with TLSA records and without TLS gets nothing, unless the administrator wants it", async () => {
  expect(await deliver({})).toEqual([expect.stringMatching(/^deferred 4/)]);
  expect(peer.peers.flatMap(({ chunks }) => chunks).join("")).not.toContain("MAIL");
  expect(await deliver({ tlsPolicies: ["inline:{example.org = may}"] })).toEqual(["relayed 250"]);
  expect(await deliver({ dane: false })).toEqual(["relayed 250"]);
  expect(await deliver({ tls: "none" })).toEqual(["relayed 250"]);
});

it("an entry that is no entry defers, and the check has it", async () => {
  const options = { tlsPolicies: ["inline:{example.org = mya}"] };
  expect(await deliver(options)).toEqual(["deferred 451"]);
  const findings = await withOptions(options, async (kernel) => kernel.check());
  expect(findings).toContainEqual(
    expect.objectContaining({ severity: "error", text: expect.stringContaining('"mya"') }),
  );
});

it("policies of MTA-STS are asked for, unless that is switched off", async () => {
  await deliver({ dane: false, mtaSts: false });
  expect(dns.asked).not.toContain("TXT _mta-sts.example.org");
  await deliver({ dane: false });
  expect(dns.asked).toContain("TXT _mta-sts.example.org");
});
