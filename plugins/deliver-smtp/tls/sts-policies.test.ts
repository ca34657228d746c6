import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { KeyValueSpace, Resolver } from "postern/plugin";
import { silentLog, type TemporaryKeyValue, temporaryKeyValue } from "postern/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fetchStsPolicy } from "./sts-fetch.ts";
import { type KeptSts, StsPolicies } from "./sts-policies.ts";

const run = promisify(execFile);
const DAY_MS = 86_400_000;
const soon = new AbortController().signal;

let directory: string;
let ca: string;
let server: Server;
let port: number;
let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
/** Texts at `_mta-sts.example.org`; `null`: nobody can tell. */
let texts: string[] | null;
const resolver: Pick<Resolver, "txt" | "addresses"> = {
  txt: async () => {
    if (texts === null) return { at: "failed", reason: "ESERVFAIL" };
    return texts.length === 0 ? { at: "notFound" } : { at: "found", records: texts };
  },
  addresses: async (name) =>
    name === "mta-sts.nowhere.example"
      ? { at: "notFound" }
      : { at: "found", records: [{ address: "127.0.0.1", family: 4 }] },
};
const policyText = (mode: string, maxAge = 604_800) =>
  `version: STSv1\r\nmode: ${mode}\r\nmx: mx.example.org\r\nmax_age: ${maxAge}\r\n`;
const say =
  (text: string, type = "text/plain; charset=utf-8") =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.setHeader("Content-Type", type);
    response.end(text);
  };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-sts-"));
  const file = (name: string) => join(directory, name);
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=ca"],
    ...["-addext", "basicConstraints=critical,CA:TRUE", "-keyout", file("ca.key"), "-out", file("ca.pem")],
  ]);
  const names = "DNS:mta-sts.example.org,DNS:mta-sts.nowhere.example";
  await run("openssl", [
    ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=host"],
    ...["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-addext", `subjectAltName=${names}`],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", file("host.key"), "-out", file("host.pem")],
  ]);
  ca = await readFile(file("ca.pem"), "utf8");
  const [key, cert] = [await readFile(file("host.key"), "utf8"), await readFile(file("host.pem"), "utf8")];
  server = createServer({ key, cert }, (request, response) => {
    requests.push(`${request.method} ${request.headers.host} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  requests = [];
  texts = ["v=STSv1; id=1;"];
  answer = say(policyText("enforce"));
});

describe("fetching a policy", () => {
  const fetched = (domain = "example.org", timeoutMs = 20_000) =>
    fetchStsPolicy(domain, { resolver, port, ca, timeoutMs });

  it("asks the well-known place by its name", async () => {
    expect(await fetched()).toEqual({ text: policyText("enforce") });
    expect(requests).toEqual([`GET mta-sts.example.org:${port} /.well-known/mta-sts.txt`]);
  });

  it.each<[string, typeof answer, string | RegExp]>([
    ["an answer of another kind", say("<p>", "text/html"), "it is not text/plain"],
    ["an answer without a kind", (_, response) => void response.end("version: STSv1"), "it is not text/plain"],
    ["an answer without an end", say("x".repeat(70_000)), "larger than 65536 octets"],
    ["nothing there", (_, response) => void response.writeHead(404).end(), "status 404"],
    [
      "another place",
      (_, response) => void response.writeHead(301, { Location: "https://mta-sts.example.org/other" }).end(),
      "status 301",
    ],
    [
      "an answer that breaks off",
      (_, response) => {
        response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": "100" });
        response.write("version: STSv1", () => response.destroy());
      },
      /broke off|aborted/,
    ],
  ])("takes no notice of %s", async (_, given, reason) => {
    answer = given;
    expect(await fetched()).toMatchObject({
      failure: { kind: "sts-policy-fetch-error", reason: expect.stringMatching(reason) },
    });
    expect(requests).toHaveLength(1); // redirects are not followed
  });

  it("has its time", async () => {
    answer = () => undefined;
    expect(await fetched("example.org", 300)).toMatchObject({
      failure: { kind: "sts-policy-fetch-error", reason: expect.stringContaining("in time") },
    });
  });

  it("wants a certificate that fits", async () => {
    expect(await fetched("other.example")).toMatchObject({ failure: { kind: "sts-webpki-invalid" } });
    expect(await fetchStsPolicy("example.org", { resolver, port })).toMatchObject({
      failure: { kind: "sts-webpki-invalid" },
    });
    expect(await fetched("nowhere.example")).toMatchObject({ failure: { kind: "sts-policy-fetch-error" } });
    expect(requests).toEqual([]);
  });
});

describe("policies that are kept", () => {
  let kv: TemporaryKeyValue;
  let nowMs: number;
  const policiesOn = (space: KeyValueSpace<KeptSts>) =>
    new StsPolicies({ space, resolver, clock: { now: () => nowMs }, log: silentLog, fetching: { port, ca } });
  let policies: StsPolicies;
  const find = () => policies.find("example.org", soon);

  beforeEach(async () => {
    nowMs = Date.now();
    kv = await temporaryKeyValue({ clock: { now: () => nowMs } });
    policies = policiesOn(kv.space("sts"));
  });
  afterEach(async () => {
    await policies.stop();
    await kv.close();
  });

  it("are fetched once, for all who ask and for other workers", async () => {
    const [one, two] = await Promise.all([find(), find()]);
    expect(one).toMatchObject({ policy: { mode: "enforce", mx: ["mx.example.org"], id: "1" }, failure: null });
    expect(two).toEqual(one);
    expect(await policiesOn(kv.again().space("sts")).find("example.org", soon)).toEqual(one);
    expect(requests).toHaveLength(1);
  });

  it("are not asked for where there is no record", async () => {
    texts = [];
    expect(await find()).toEqual({ policy: null, failure: null });
    texts = null;
    expect(await find()).toEqual({ policy: null, failure: null });
    expect(requests).toEqual([]);
  });

  it("change with the record", async () => {
    await find();
    texts = ["v=STSv1; id=2;"];
    answer = say(policyText("testing"));
    expect(await find()).toMatchObject({ policy: { mode: "testing", id: "2" } });
  });

  it("go on when record and server are gone, until they are too old", async () => {
    await find();
    answer = (_, response) => void response.writeHead(500).end();
    for (const gone of [[], null, ["v=STSv1; id=2;"]]) {
      texts = gone;
      expect(await find()).toMatchObject({ policy: { mode: "enforce", id: "1" } });
    }
    nowMs += 7 * DAY_MS;
    texts = [];
    expect(await find()).toEqual({ policy: null, failure: null });
  });

  it("are fetched in the background before they end, and their end moves on", async () => {
    await find();
    nowMs += DAY_MS;
    const old = await find();
    await policies.settled();
    expect(requests).toHaveLength(2);
    expect((await find()).policy?.fetchedAtMs).toBe((old.policy?.fetchedAtMs ?? 0) + DAY_MS);
    texts = []; // whoever keeps the record back does not keep the policy from being fetched
    nowMs += DAY_MS;
    await find();
    await policies.settled();
    expect(requests).toHaveLength(3);
  });

  it("that cannot be had are not asked for by each message, but again after a while", async () => {
    answer = say("version: nothing");
    const failure = { kind: "sts-policy-invalid", reason: "its version is not STSv1" };
    expect(await find()).toMatchObject({ policy: null, failure });
    expect(await find()).toMatchObject({ policy: null, failure });
    expect(requests).toHaveLength(1);
    nowMs += 300_000;
    answer = say(policyText("enforce"));
    expect(await find()).toMatchObject({ policy: { mode: "enforce" }, failure: null });
  });

  it("that last no time are none", async () => {
    answer = say(policyText("enforce", 0));
    expect(await find()).toEqual({ policy: null, failure: null });
  });

  it("are no reason to wait for whoever has gone", async () => {
    answer = () => undefined;
    const gone = new AbortController();
    const asked = policies.find("example.org", gone.signal);
    gone.abort();
    expect(await asked).toMatchObject({ policy: null, failure: { kind: "sts-policy-fetch-error" } });
    await policies.stop();
    expect(await kv.space("sts").get("example.org")).toBeNull();
  });

  it("cannot be read: whoever asks is told", async () => {
    const broken = { ...kv.space<KeptSts>("sts"), get: () => Promise.reject(new Error("damaged")) };
    await expect(policiesOn(broken).find("example.org", soon)).rejects.toThrow("damaged");
  });
});
