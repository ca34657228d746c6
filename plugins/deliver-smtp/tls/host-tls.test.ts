/** Decision, connection and report together: a real client, a real peer with TLS, a real DNS. */
import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  briefResult,
  keptLog,
  outboundRequest,
  type PeerServer,
  resolverOf,
  startDnsServer,
  startPeerServer,
  type TemporaryKeyValue,
  type TestDnsServer,
  temporaryKeyValue,
  testOutbound,
} from "postern/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createHostTls, type HostTls } from "./host-tls.ts";
import type { StsPolicy } from "./sts-policy.ts";
import { createTlsPolicies, type TlsPoliciesParts } from "./tls-policies.ts";
import { TlsReports } from "./tls-reports.ts";

const run = promisify(execFile);
const soon = new AbortController().signal;
const now = Date.UTC(2026, 0, 31, 12);
const HOST = "mx.example.org";

let directory: string;
let own: { cert: string; key: string };
let good: Buffer;
let peer: PeerServer;
let dns: TestDnsServer;
let kv: TemporaryKeyValue;
let outbound = testOutbound();
let isTlsOffered: boolean;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-host-tls-"));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=host"],
    ...["-addext", `subjectAltName=DNS:${HOST}`, "-keyout", key, "-out", cert],
  ]);
  own = { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  const spki = new X509Certificate(own.cert).publicKey.export({ type: "spki", format: "der" });
  good = createHash("sha256").update(spki).digest();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

beforeEach(async () => {
  isTlsOffered = true;
  outbound = testOutbound();
  kv = await temporaryKeyValue({ clock: { now: () => now } });
  peer = await startPeerServer(async (one) => {
    await one.greet(...(isTlsOffered ? ["STARTTLS"] : []));
    let line = await one.line();
    if (line === "STARTTLS") {
      one.say("220 2.0.0 go on");
      await one.startTls(own);
      await one.hello();
      line = await one.line();
    }
    if (!line.startsWith("MAIL")) return;
    one.say("250 2.1.0 ok");
    await one.answer({ RCPT: "250 2.1.5 ok" }); // DATA
    one.say("354 go on");
    await one.content();
    one.say("250 2.0.0 taken");
  });
  const tlsa = (name: string, certificate: Buffer) => ({
    name: `_${peer.port}._tcp.${name}`,
    type: "TLSA" as const,
    data: { usage: 3, selector: 1, matchingType: 1, certificate },
  });
  dns = await startDnsServer([
    { name: "example.org", type: "MX", data: { preference: 10, exchange: HOST } },
    { name: "wrong.example.org", type: "MX", data: { preference: 10, exchange: "other.example.org" } },
    { name: HOST, type: "A", data: "127.0.0.1" },
    { name: "other.example.org", type: "A", data: "127.0.0.1" },
    tlsa(HOST, good),
    tlsa("other.example.org", Buffer.alloc(32)),
    { name: "plain.example", type: "MX", data: { preference: 10, exchange: HOST } },
    { name: "silent.example", type: "MX", data: { preference: 10, exchange: HOST } },
    ...["example.org", "wrong.example.org", "plain.example"].map((domain) => ({
      name: `_smtp._tls.${domain}`,
      type: "TXT" as const,
      data: `v=TLSRPTv1; rua=mailto:tls@${domain}`,
    })),
  ]);
  dns.signed.add("example.org");
});
afterEach(async () => {
  outbound.close();
  await Promise.all([peer.close(), dns.close(), kv.close()]);
});

interface Case {
  readonly sts?: StsPolicy;
  readonly parts?: Partial<TlsPoliciesParts>;
}

function tlsWith({ sts, parts }: Case = {}) {
  const { log, lines } = keptLog();
  const resolver = resolverOf({ servers: [dns.server] });
  const reports = new TlsReports({ space: kv.space("reports"), resolver, clock: { now: () => now }, log });
  const policies = createTlsPolicies({
    level: "auto",
    more: {},
    isDaneUsed: true,
    sts: sts ? { find: async () => ({ policy: sts, failure: null }) } : null,
    tables: [],
    resolver,
    log,
    ...parts,
  });
  return { tls: createHostTls({ policies, sts: null, reports, tables: [], specs: [], resolver, log }), reports, lines };
}

async function deliver(tls: HostTls, nextHop: string, host: string): Promise<readonly string[]> {
  const choice = await tls.tlsFor({ name: host, port: peer.port }, nextHop, soon);
  if (choice.at === "defer") return [`deferred: ${choice.reply.status}`];
  const place = { name: host, addresses: ["127.0.0.1"], port: peer.port };
  const result = await outbound.send(outboundRequest({ place, tls: choice.requirement, reuse: { maxUses: 1 } }));
  tls.report(nextHop, host, result.facts);
  return [...briefResult(result), result.facts.tls === null ? "clear" : `verified by ${result.facts.tls.verifiedBy}`];
}

async function reported(reports: TlsReports): Promise<unknown> {
  await reports.flush();
  return reports.reports({
    ...{ day: "2026-01-31", domain: null, organization: "Us", contact: "postmaster@us.example" },
  });
}
const summary = (successes: number, failures: number) => ({
  "total-successful-session-count": successes,
  "total-failure-session-count": failures,
});

describe("a host with TLSA records", () => {
  it("gets mail when they match, and the day's report says so", async () => {
    const { tls, reports } = tlsWith();
    expect(await deliver(tls, "example.org", HOST)).toEqual(["1: 250 2.0.0 at end", "verified by dane"]);
    expect(await reported(reports)).toEqual([
      {
        domain: "example.org",
        report: {
          "organization-name": "Us",
          "contact-info": "postmaster@us.example",
          "report-id": "2026-01-31T00:00:00Z_example.org@Us",
          "date-range": { "start-datetime": "2026-01-31T00:00:00Z", "end-datetime": "2026-01-31T23:59:59Z" },
          policies: [
            {
              policy: {
                "policy-type": "tlsa",
                "policy-string": [`3 1 1 ${good.toString("hex")}`],
                "policy-domain": "example.org",
                "mx-host": [HOST],
              },
              summary: summary(1, 0),
            },
          ],
        },
      },
    ]);
  });

  it("gets none when they do not, in clear text neither", async () => {
    const { tls, reports, lines } = tlsWith();
    expect(await deliver(tls, "wrong.example.org", "other.example.org")).toEqual([
      expect.stringMatching(/^unreachable at tls: 4/),
      "clear",
    ]);
    expect(peer.peers.flatMap(({ chunks }) => chunks).join("")).not.toContain("MAIL");
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: "warn",
        fields: expect.objectContaining({ policy: "dane", kind: "tlsa-invalid" }),
      }),
    );
    expect(await reported(reports)).toMatchObject([
      {
        report: {
          policies: [
            {
              summary: summary(0, 1),
              "failure-details": [
                {
                  "result-type": "tlsa-invalid",
                  "receiving-mx-hostname": "other.example.org",
                  "sending-mta-ip": "127.0.0.1",
                  "receiving-ip": "127.0.0.1",
                  "failed-session-count": 1,
                },
              ],
            },
          ],
        },
      },
    ]);
  });

  it("gets none when it offers no TLS", async () => {
    isTlsOffered = false;
    const { tls, reports } = tlsWith();
    expect(await deliver(tls, "example.org", HOST)).toEqual([expect.stringMatching(/^unreachable at tls: 4/), "clear"]);
    expect(await reported(reports)).toMatchObject([
      { report: { policies: [{ "failure-details": [{ "result-type": "starttls-not-supported" }] }] } },
    ]);
  });

  it("gets none when nobody can tell whether it has some", async () => {
    dns.failing.add(`_${peer.port}._tcp.${HOST}`);
    const { tls, reports, lines } = tlsWith();
    expect(await deliver(tls, "example.org", HOST)).toEqual(["deferred: 4.7.5"]);
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "warn", fields: expect.objectContaining({ kind: "dnssec-invalid" }) }),
    );
    expect(await reported(reports)).toMatchObject([
      {
        report: {
          policies: [{ policy: { "policy-type": "tlsa" }, "failure-details": [{ "result-type": "dnssec-invalid" }] }],
        },
      },
    ]);
  });
});

describe("a domain with MTA-STS", () => {
  const policy = (mode: StsPolicy["mode"], mx = HOST): StsPolicy => ({
    id: "1",
    mode,
    mx: [mx],
    maxAgeMs: 86_400_000,
    fetchedAtMs: now,
  });

  it("gets mail over a certificate that an authority vouches for", async () => {
    const { tls } = tlsWith({ sts: policy("enforce"), parts: { more: { ca: [own.cert] } } });
    expect(await deliver(tls, "plain.example", HOST)).toEqual(["1: 250 2.0.0 at end", "verified by pkix"]);
  });

  it("gets none over another, and the report has the policy", async () => {
    const { tls, reports } = tlsWith({ sts: policy("enforce") });
    expect(await deliver(tls, "plain.example", HOST)).toEqual([expect.stringMatching(/^unreachable at tls/), "clear"]);
    expect(await reported(reports)).toMatchObject([
      {
        report: {
          policies: [
            {
              policy: {
                "policy-type": "sts",
                "policy-string": ["version: STSv1", "mode: enforce", `mx: ${HOST}`, "max_age: 86400"],
                "mx-host": [HOST],
              },
              "failure-details": [{ "result-type": "certificate-not-trusted" }],
            },
          ],
        },
      },
    ]);
  });

  it.each([
    ["its certificate", HOST, "certificate-not-trusted"],
    ["its name", "elsewhere.example", "validation-failure"],
  ])("gets mail while it is testing, and hears what is wrong with %s", async (_, mx, kind) => {
    const { tls, reports } = tlsWith({ sts: policy("testing", mx) });
    expect(await deliver(tls, "plain.example", HOST)).toEqual(["1: 250 2.0.0 at end", "verified by null"]);
    expect(await reported(reports)).toMatchObject([
      { report: { policies: [{ summary: summary(0, 1), "failure-details": [{ "result-type": kind }] }] } },
    ]);
  });
});

describe("a domain without policies", () => {
  it("gets mail as before; sessions count where somebody wants to know", async () => {
    const { tls, reports } = tlsWith();
    for (const domain of ["plain.example", "silent.example"])
      expect(await deliver(tls, domain, HOST)).toEqual(["1: 250 2.0.0 at end", "verified by null"]);
    expect(await reported(reports)).toMatchObject([
      {
        domain: "plain.example",
        report: {
          policies: [
            { policy: { "policy-type": "no-policy-found" }, summary: { "total-successful-session-count": 1 } },
          ],
        },
      },
    ]);
    expect(await kv.space("reports").list("", 10)).toHaveLength(1);
  });

  it("is not reported on where the administrator decided, or for a host that was named", async () => {
    const tables = [{ get: (key: string) => (key === "plain.example" ? "encrypt" : null) }];
    const { tls, reports } = tlsWith({ parts: { tables } });
    await deliver(tls, "plain.example", HOST);
    await deliver(tls, `[${HOST}]`, HOST);
    expect(await reported(reports)).toEqual([]);
  });

  it("whose next hop is none waits", async () => {
    const { tls } = tlsWith();
    expect(await deliver(tls, "a b", HOST)).toEqual(["deferred: 4.3.5"]);
  });
});

it("a KeyValue that cannot count costs a warning and nothing else", async () => {
  const { tls, reports, lines } = tlsWith();
  await deliver(tls, "example.org", HOST);
  await kv.close();
  await reports.flush();
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "warn", text: expect.stringContaining("could not be counted") }),
  );
  kv = await temporaryKeyValue();
});
