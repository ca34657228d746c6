import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TlsaRecord } from "../contracts/outbound.ts";
import { shownChain, tlsaFault } from "./dane.ts";

const run = promisify(execFile);
const DAY_MS = 86_400_000;
let directory: string;

interface Made {
  readonly certificate: X509Certificate;
  readonly pem: string;
  readonly key: string;
}

const keys = { ec: ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], rsa: ["rsa:2048"] };

interface Wish {
  readonly by?: string;
  readonly commonName?: string;
  readonly days?: number;
  readonly more?: readonly string[];
  readonly key?: "ec" | "rsa";
}

const authority = ["basicConstraints=critical,CA:TRUE"];

async function make(
  name: string,
  { by, commonName = name, days = 30, more = authority, key = "ec" }: Wish,
): Promise<Made> {
  const file = (which: string, kind: string) => join(directory, `${which}.${kind}`);
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", ...keys[key], "-subj", `/CN=${commonName}`, "-days", String(days)],
    ...["-keyout", file(name, "key"), "-out", file(name, "pem")],
    ...more.flatMap((extension) => ["-addext", extension]),
    ...(by === undefined ? [] : ["-CA", file(by, "pem"), "-CAkey", file(by, "key")]),
  ]);
  const pem = await readFile(file(name, "pem"), "utf8");
  return { certificate: new X509Certificate(pem), pem, key: await readFile(file(name, "key"), "utf8") };
}

const leaf = (...names: string[]) => [
  "basicConstraints=critical,CA:FALSE",
  `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`,
];

function record(usage: number, selector: number, matchingType: number, { certificate }: Made): TlsaRecord {
  const whole = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  const hash = ["", "sha256", "sha512"][matchingType];
  const data = hash ? createHash(hash).update(whole).digest() : whole;
  return { usage, selector, matchingType, data: new Uint8Array(data) };
}

const chains: Record<"ec" | "rsa", { root: Made; middle: Made; host: Made }> = Object.create(null);
let impostor: Made;
let client: Made;
let short: Made;
let byLeaf: Made;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-dane-"));
  for (const key of ["ec", "rsa"] as const) {
    const root = await make(`root-${key}`, { key });
    const middle = await make(`middle-${key}`, { by: `root-${key}`, key });
    const host = await make(`host-${key}`, {
      by: `middle-${key}`,
      key,
      more: leaf("mx.example.org", "*.wild.example"),
    });
    chains[key] = { root, middle, host };
  }
  impostor = await make("impostor", { commonName: "root-ec" });
  client = await make("client", { by: "middle-ec", more: [...leaf("mx.example.org"), "extendedKeyUsage=clientAuth"] });
  short = await make("short", { by: "middle-ec", more: leaf("mx.example.org"), days: 1 });
  byLeaf = await make("by-leaf", { by: "host-ec", more: leaf("mx.example.org") });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Question {
  readonly chain: readonly Made[];
  readonly records: readonly TlsaRecord[];
  readonly names?: readonly string[];
  readonly nowMs?: number;
}
const judge = ({ chain, records, names = ["mx.example.org"], nowMs = Date.now() }: Question) =>
  tlsaFault({ chain: chain.map(({ certificate }) => certificate), records, names, nowMs })?.kind ?? "good";

describe.each(["ec", "rsa"] as const)("with %s keys", (key) => {
  it.each([
    [3, 0, 0],
    [3, 0, 1],
    [3, 0, 2],
    [3, 1, 0],
    [3, 1, 1],
    [3, 1, 2],
  ])("%i %i %i stands for the host's own certificate, whatever its names and dates", (usage, selector, matching) => {
    const { host, middle, root } = chains[key];
    const records = [record(usage, selector, matching, host)];
    expect(judge({ chain: [host], records, names: ["other.example"], nowMs: Date.now() + 999 * DAY_MS })).toBe("good");
    expect(judge({ chain: [middle, host], records })).toBe("tlsa-invalid");
    expect(judge({ chain: [host], records: [record(usage, selector, matching, root)] })).toBe("tlsa-invalid");
  });

  it.each([
    [2, 0, 0],
    [2, 0, 1],
    [2, 0, 2],
    [2, 1, 0],
    [2, 1, 1],
    [2, 1, 2],
  ])("%i %i %i stands for an authority, at the top or between", (usage, selector, matching) => {
    const { host, middle, root } = chains[key];
    const chain = [host, middle, root];
    for (const anchor of [root, middle])
      expect(judge({ chain, records: [record(usage, selector, matching, anchor)] })).toBe("good");
    expect(judge({ chain: [host, root, middle], records: [record(usage, selector, matching, root)] })).toBe("good");
    expect(judge({ chain: [host, middle], records: [record(usage, selector, matching, middle)] })).toBe("good");
  });

  it("an authority that is not sent along is found in a record that holds it", () => {
    const { host, middle, root } = chains[key];
    const found = (matching: number, selector: number) =>
      judge({ chain: [host, middle], records: [record(2, selector, matching, root)] });
    expect([found(0, 0), found(0, 1)]).toEqual(["good", "good"]);
    expect([found(1, 0), found(1, 1)]).toEqual(["tlsa-invalid", "tlsa-invalid"]);
  });
});

describe("an authority's word", () => {
  const anchor = () => [record(2, 0, 1, chains.ec.root)];
  const chain = (host: Made) => [host, chains.ec.middle, chains.ec.root];

  it.each([
    ["its host name", ["mx.example.org"], "good"],
    ["one of several names", ["other.example", "MX.Example.ORG"], "good"],
    ["a wildcard for one label", ["a.wild.example"], "good"],
    ["a wildcard for two labels", ["a.b.wild.example"], "certificate-host-mismatch"],
    ["another name", ["other.example"], "certificate-host-mismatch"],
    ["no name at all", [], "certificate-host-mismatch"],
  ])("counts for %s: %#", (_, names, expected) => {
    expect(judge({ chain: chain(chains.ec.host), records: anchor(), names })).toBe(expected);
  });

  it("counts in time only", () => {
    const host = chain(short);
    expect(judge({ chain: host, records: anchor() })).toBe("good");
    expect(judge({ chain: host, records: anchor(), nowMs: Date.now() + 2 * DAY_MS })).toBe("certificate-expired");
    expect(judge({ chain: host, records: anchor(), nowMs: Date.now() - 2 * DAY_MS })).toBe("certificate-expired");
  });

  it("counts for servers only", () => {
    expect(judge({ chain: chain(client), records: anchor() })).toBe("certificate-not-trusted");
  });

  it("does not pass through a certificate that may not issue any", () => {
    expect(judge({ chain: [byLeaf, ...chain(chains.ec.host)], records: anchor() })).toBe("tlsa-invalid");
  });

  it("does not count for the authority's own certificate as host", () => {
    expect(judge({ chain: [chains.ec.root], records: anchor() })).toBe("tlsa-invalid");
  });

  it("needs its signature, not its name", () => {
    const { host, middle } = chains.ec;
    expect(judge({ chain: [host, middle, impostor], records: [record(2, 0, 1, impostor)] })).toBe("tlsa-invalid");
    expect(judge({ chain: [host, middle], records: [record(2, 0, 0, impostor), record(2, 1, 0, impostor)] })).toBe(
      "tlsa-invalid",
    );
    expect(judge({ chain: [host, middle], records: [record(2, 1, 0, chains.rsa.root)] })).toBe("tlsa-invalid");
  });
});

it("one good record is enough, and records that nobody knows match nothing", () => {
  const { host } = chains.ec;
  const good = record(3, 1, 1, host);
  const strange = [
    { ...good, usage: 1 },
    { ...good, usage: 9 },
    { ...good, selector: 7 },
    { ...good, matchingType: 5 },
    { ...good, data: new Uint8Array() },
    { usage: 2, selector: 0, matchingType: 0, data: new Uint8Array([1, 2]) },
    { usage: 2, selector: 1, matchingType: 0, data: new Uint8Array([1, 2]) },
  ];
  expect(judge({ chain: [host], records: strange })).toBe("tlsa-invalid");
  expect(judge({ chain: [host], records: [...strange, good] })).toBe("good");
  expect(judge({ chain: [], records: [good] })).toBe("certificate-not-trusted");
});

it("a chain ends, however many certificates a host sends", () => {
  const { host, middle } = chains.ec;
  expect(judge({ chain: [host, ...Array(200).fill(middle)], records: [record(2, 0, 1, impostor)] })).toBe(
    "tlsa-invalid",
  );
});

it("a chain of certificates that have all issued each other is gone through in no time", async () => {
  // One name and one key under ten serial numbers: each is the issuer of each.
  const twins = [await make("twin-0", {})];
  for (let index = 1; index < 10; index += 1) {
    const file = (kind: string) => join(directory, `twin-${index}.${kind}`);
    await run("openssl", [
      ...["req", "-x509", "-key", join(directory, "twin-0.key"), "-subj", "/CN=twin-0", "-out", file("pem")],
      ...["-addext", "basicConstraints=critical,CA:TRUE"],
    ]);
    twins.push({ ...twins[0], certificate: new X509Certificate(await readFile(file("pem"))) } as Made);
  }
  const verify = vi.spyOn(X509Certificate.prototype, "verify");
  try {
    expect(judge({ chain: twins, records: [record(2, 0, 1, impostor)] })).toBe("tlsa-invalid");
    expect(verify.mock.calls.length).toBeLessThanOrEqual(100);
  } finally {
    verify.mockRestore();
  }
});

it("an authority's certificate that is out of date does not hide the one that renewed it", async () => {
  const { host, middle, root } = chains.ec;
  const renewed = { ...middle, certificate: middle.certificate };
  const nowMs = Date.now() + 3 * DAY_MS;
  const shortLived = join(directory, "old-middle.pem");
  await run("openssl", [
    ...["req", "-x509", "-key", join(directory, "middle-ec.key"), "-subj", "/CN=middle-ec", "-days", "1"],
    ...["-CA", join(directory, "root-ec.pem"), "-CAkey", join(directory, "root-ec.key")],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-out", shortLived],
  ]);
  const old = { ...middle, certificate: new X509Certificate(await readFile(shortLived)) };
  const records = [record(2, 0, 1, root)];
  expect(judge({ chain: [host, old, renewed, root], records, nowMs })).toBe("good");
  expect(judge({ chain: [host, old, root], records, nowMs })).toBe("certificate-expired");
});

it("what a host sends arrives whole and in its order", async () => {
  const { host, middle, root } = chains.ec;
  const server = createServer({ key: host.key, cert: host.pem + root.pem + middle.pem });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
  });
  try {
    await once(socket, "secureConnect");
    const shown = shownChain(socket).map(({ fingerprint256 }) => fingerprint256);
    expect(shown).toEqual([host, root, middle].map(({ certificate }) => certificate.fingerprint256));
  } finally {
    socket.destroy();
    server.close();
  }
});
