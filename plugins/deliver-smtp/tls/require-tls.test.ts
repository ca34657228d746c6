/** REQUIRETLS (RFC 8689) through the whole plugin: a real DNS, a real host with TLS, an authority of our own. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
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
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import plugin from "../index.ts";
import type { KeptSts } from "./sts-policies.ts";

const run = promisify(execFile);
const HOST = "mx.example.org";

interface Identity {
  readonly cert: string;
  readonly key: string;
}

let directory: string;
let caFile: string;
let fitting: Identity;
let strange: Identity;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-require-tls-"));
  const file = (name: string) => join(directory, name);
  caFile = file("ca.pem");
  const fresh = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const authority = ["-subj", "/CN=ca", "-addext", "basicConstraints=critical,CA:TRUE"];
  await run("openssl", [...fresh, ...authority, "-keyout", file("ca.key"), "-out", caFile]);
  const issue = async (name: string): Promise<Identity> => {
    const [cert, key] = [file(`${name}.pem`), file(`${name}.key`)];
    const subject = ["-subj", "/CN=host", "-addext", `subjectAltName=DNS:${name}`];
    const issuer = ["-CA", caFile, "-CAkey", file("ca.key"), "-addext", "basicConstraints=critical,CA:FALSE"];
    await run("openssl", [...fresh, ...subject, ...issuer, "-keyout", key, "-out", cert]);
    return { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  };
  fitting = await issue(HOST);
  strange = await issue("other.example.net");
});
afterAll(() => rm(directory, { recursive: true, force: true }));

let identity: Identity;
let promises: readonly string[];
let peer: PeerServer;
let dns: TestDnsServer;
let kv: TemporaryKeyValue;
let outbound = testOutbound();
/** Lines that came over TLS. */
let heard: string[];

beforeEach(async () => {
  [identity, promises, heard] = [fitting, ["REQUIRETLS"], []];
  outbound = testOutbound();
  kv = await temporaryKeyValue();
  peer = await startPeerServer(async (one) => {
    await one.greet("STARTTLS", "REQUIRETLS");
    if ((await one.line()) !== "STARTTLS") return one.close();
    one.say("220 2.0.0 go on");
    await one.startTls(identity);
    await one.hello(...promises);
    heard.push(await one.line());
    one.say("250 2.1.0 ok");
    await one.answer({ RCPT: "250 2.1.5 ok" }); // DATA
    one.say("354 go on");
    heard.push(await one.content());
    one.say("250 2.0.0 taken");
  });
  dns = await startDnsServer([
    { name: "example.org", type: "MX", data: { preference: 10, exchange: HOST } },
    { name: HOST, type: "A", data: "127.0.0.1" },
  ]);
  dns.signed.add("example.org");
});
afterEach(async () => {
  outbound.close();
  await Promise.all([peer.close(), dns.close(), kv.close()]);
});

async function deliver(options: object = {}, nextHop = "example.org"): Promise<readonly string[]> {
  const nextHops: NextHops = {
    route: async () => null,
    hosts: async () => ({ at: "found", hosts: [{ name: HOST, address: "127.0.0.1" }] }),
    domain: async () => "exists",
  };
  const services = [
    kv.service,
    tablesService(),
    [Outbound, outbound] as const,
    [NextHops, nextHops] as const,
    [Resolver, resolverOf({ servers: [dns.server] })] as const,
  ];
  const kernel = await kernelWith({ services }, [plugin, optionsOf(plugin, { port: peer.port, caFile, ...options })]);
  try {
    const envelope = envelopeOf({ to: ["bob@example.org"], requiresTls: true });
    const outcomes: Outcome[] = [];
    await kernel.deliver({
      envelope,
      message: messageOf("Subject: x\n\nhello\n"),
      route: { verdict: "routed", transport: "smtp", nextHop, concurrencyKey: "smtp" },
      recipients: envelope.recipients,
      attempt: 1,
      settle: async (_, outcome) => void outcomes.push(outcome),
    });
    return outcomes.map(({ at, reply }) => `${at} ${reply.code} ${reply.status}`);
  } finally {
    await kernel.stop();
  }
}
const inClear = () => peer.peers.flatMap(({ chunks }) => chunks.slice(0, 2)).join("");

it.each(["none", "opportunistic", "required", "verified"])("goes on with its promise, with tls: %s", async (tls) => {
  expect(await deliver({ tls })).toEqual(["relayed 250 2.0.0"]);
  expect(heard[0]).toMatch(/^MAIL FROM:<bob@example.net>.* REQUIRETLS$/);
  expect(heard[1]).toContain("hello");
  expect(inClear()).not.toContain("MAIL");
});

it.each<[string, () => void]>([
  [
    "shows a certificate that does not fit",
    () => {
      identity = strange;
    },
  ],
  [
    "promises nothing over TLS, whatever it said before",
    () => {
      promises = [];
    },
  ],
  ["is one of the destination by nobody's word but that of DNS", () => dns.signed.clear()],
])("comes back where the only host %s", async (_, arrange) => {
  arrange();
  expect(await deliver()).toEqual(["failed 550 5.7.30"]);
  expect(peer.peers.flatMap(({ chunks }) => chunks).join("")).not.toContain("MAIL");
  expect(heard).toEqual([]);
});

it("goes to a host that a policy of MTA-STS knows, and to one that the administrator names", async () => {
  dns.signed.clear();
  expect(await deliver({}, `[${HOST}]`)).toEqual(["relayed 250 2.0.0"]);
  const policy = { id: "1", mode: "enforce" as const, mx: [HOST], maxAgeMs: 86_400_000, fetchedAtMs: Date.now() };
  await keep({ policy, failure: null });
  expect(await deliver()).toEqual(["relayed 250 2.0.0"]);
  await keep({ policy: { ...policy, mx: ["mx.example.com"], mode: "testing" }, failure: null });
  expect(await deliver()).toEqual(["failed 550 5.7.30"]);
});

it("waits while nobody can say where it has to go", async () => {
  dns.failing.add("example.org");
  expect(await deliver()).toEqual([expect.stringMatching(/^deferred 4/)]);
  expect(peer.peers).toEqual([]);
});

const keep = (value: KeptSts) =>
  kv
    .space<KeptSts>("deliver-smtp/mta-sts")
    .update("example.org", () => ({ value, expiresAtMs: Date.now() + 86_400_000 }));
