import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { english } from "../../mail/dsn/english.ts";
import { defaultLimits } from "../../smtp/config.ts";
import { loadConfig } from "./load-config.ts";
import type { ServerConfig } from "./server-config.ts";

let site: string;
beforeEach(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-config-"));
});
afterEach(() => rm(site, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(site, name)), { recursive: true });
  await writeFile(join(site, name), text);
}

async function load(file?: string): Promise<ServerConfig> {
  const loaded = await loadConfig({ file, cwd: site });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  return loaded.config;
}

const object = `{ hostname: "mx.example.org", listeners: [{ role: "mx", port: 25 }] }`;
const json = `{ "hostname": "mx.example.org", "listeners": [{ "role": "mx", "port": 25 }] }`;
const yaml = "hostname: mx.example.org\nlisteners:\n  - { role: mx, port: 25 }\n";
const plugin = `export default { name: "policy-example", api: 1, setup: () => ({ hooks: {} }) };`;

describe("a config", () => {
  it.each([
    ["postern.config.yaml", yaml],
    ["postern.config.yml", yaml],
    ["postern.config.json", json],
    [
      "postern.config.ts",
      `type Host = string; const config = ${object}; const _: Host = ""; void _; export default config;`,
    ],
    ["postern.config.mts", `export default ${object};`],
    ["postern.config.js", `export default ${object};`],
    ["postern.config.mjs", `export default await Promise.resolve(${object});`],
    ["postern.config.cjs", `module.exports = ${object};`],
    [".posternrc", yaml],
    [".posternrc.json", json],
    ["package.json", `{ "name": "site", "postern": ${json} }`],
  ])("is found in %s and by --config", async (name, text) => {
    await write(name, text);
    const config = await load();
    expect(config).toMatchObject({ hostname: "mx.example.org", configFile: join(site, name), configDir: site });
    expect(await load(name)).toEqual(config);
  });

  it("is not looked for in a package.json without it", async () => {
    await write("package.json", `{ "name": "site" }`);
    await write(".posternrc", yaml);
    expect((await load()).configFile).toBe(join(site, ".posternrc"));
  });

  it("is read again when it is a program that has changed", async () => {
    await write(
      "postern.config.ts",
      `import { name } from "./name.ts"; export default { ...${object}, hostname: name };`,
    );
    await write("name.ts", `export const name = "one.example.org";`);
    expect((await load()).hostname).toBe("one.example.org");
    await write("name.ts", `export const name = "two.example.org";`);
    expect((await load()).hostname).toBe("two.example.org");
  });

  it("is complete without most keys", async () => {
    await write("postern.config.yaml", yaml);
    const limits = { ...defaultLimits, hops: 100, expansion: 10_000, connections: 2000, connectionsPerAddress: 100 };
    expect(await load()).toEqual({
      recipientDelimiter: "+",
      sharing: {
        ...{ otherUsers: "Other Users", shared: "Shared", roots: new Map(), groups: new Map() },
        mayShareWithAll: false,
      },
      queue: {
        ...{ firstRetryMs: 300_000, maxRetryMs: 3_960_000, expiryMs: 432_000_000, warnAfterMs: 14_400_000 },
        ...{ bounceExpiryMs: 86_400_000, maxDeliveries: 200, maxPerDestination: 20, startPerDestination: 5 },
        ...{ deadAfter: 3, destinations: [], workers: availableParallelism() },
      },
      spool: { minFreeBytes: 128 * 1024 * 1024, maxMessages: Math.ceil(2_000_000 / availableParallelism()) },
      reportTexts: [english],
      dns: { servers: [], timeoutMs: 5_000, clientNamesMs: 3_000 },
      keyValue: { ceilingBytes: 256 * 1024 * 1024 },
      mailboxIndex: { ceilingBytes: 4 * 1024 * 1024 * 1024 },
      quota: expect.objectContaining({ usual: { bytes: 0, messages: 0 }, softPercent: null, whenFull: "defer" }),
      login: { mechanisms: null, cramMd5: false, scramIterations: 4096, hashThreads: null, hashWaiting: 256 },
      firstAccount: null,
      hostname: "mx.example.org",
      dataDir: join(site, "data"),
      maildrop: join(site, "data", "maildrop"),
      mailq: "everybody",
      user: null,
      origin: "mx.example.org",
      postmaster: expect.objectContaining({ localPart: "postmaster", domain: "mx.example.org" }),
      tls: null,
      listeners: [
        {
          name: "mx-25",
          role: "mx",
          place: { at: "port", host: null, port: 25 },
          tls: "optional",
          proxyFrom: [],
          limits,
        },
      ],
      plugins: [],
      workers: availableParallelism(),
      delayReject: true,
      limits,
      log: { level: "info", pretty: "auto" },
      configFile: join(site, "postern.config.yaml"),
      configDir: site,
    });
  });

  it("takes paths relative to itself, and sizes and limits of each listener", async () => {
    await write("cert.pem", "");
    await write(
      "etc/postern.config.yaml",
      `hostname: mx.example.org
origin: Example.org
postmaster: ann
dataDir: ../var
user: mail
workers: 2
tls: { cert: ../cert.pem, key: ../cert.pem }
limits: { messageSize: 10MB, recipients: 200, errors: 7, bareLineEnds: reject }
listeners:
  - { role: mx, port: 25, limits: { messageSize: 1MiB, commandTimeout: 30s, minDataRate: 1kB, bareLineEnds: normalize } }
  - { role: submission, host: "::1", port: 587 }
  - { role: lmtp, path: ../lmtp.sock, name: local }
log: { level: debug, pretty: off }
`.replace("pretty: off", "pretty: false"),
    );
    const config = await load("etc/postern.config.yaml");
    expect(config).toMatchObject({
      dataDir: join(site, "var"),
      origin: "example.org",
      postmaster: { localPart: "ann", domain: "example.org" },
      user: "mail",
      workers: 2,
      tls: { at: "files", pairs: [{ cert: join(site, "cert.pem"), key: join(site, "cert.pem") }] },
      limits: { messageSizeBytes: 10_000_000, recipients: 200 },
      log: { level: "debug", pretty: false },
    });
    expect(config.listeners).toMatchObject([
      {
        name: "mx-25",
        tls: "optional",
        limits: {
          ...{ messageSizeBytes: 2 ** 20, recipients: 200, errors: 7 },
          ...{ commandTimeoutMs: 30_000, minDataRate: 1000, bareLineEnds: "normalize" },
        },
      },
      {
        name: "submission-587",
        tls: "required",
        place: { host: "::1" },
        limits: { messageSizeBytes: 10_000_000, commandTimeoutMs: 300_000, minDataRate: 100, bareLineEnds: "reject" },
      },
      { name: "local", tls: "none", place: { at: "path", path: join(site, "lmtp.sock") } },
    ]);
  });

  it("says self-signed in a word, and where the certificate will be", async () => {
    await write("postern.config.yaml", `${yaml}tls: self-signed\ndataDir: var\n`);
    const directory = join(site, "var/tls");
    expect((await load()).tls).toEqual({
      at: "selfSigned",
      pairs: [{ cert: join(directory, "cert.pem"), key: join(directory, "key.pem") }],
    });
  });

  it("takes what a listener says of certificates, proxies and its socket", async () => {
    await write("cert.pem", "");
    await write(
      "postern.config.yaml",
      `hostname: mx.example.org
tls: [{ cert: cert.pem, key: cert.pem }, { cert: cert.pem, key: cert.pem }]
listeners:
  - { role: mx, port: 25, proxy: { from: [192.0.2.0/24, "2001:db8::1"] } }
  - { role: submission, port: 587, certificates: { cert: cert.pem, key: cert.pem }, clientInReceived: false }
  - { role: imap, port: 143, clientCertificates: require, clientCa: cert.pem }
  - { role: lmtp, path: lmtp.sock, mode: "0666", owner: ":mail", proxy: { from: [unix] } }
plugins: [access-imap]
`,
    );
    const { tls, listeners } = await load();
    const pair = { cert: join(site, "cert.pem"), key: join(site, "cert.pem") };
    expect(tls).toEqual({ at: "files", pairs: [pair, pair] });
    expect(listeners).toMatchObject([
      { proxyFrom: ["192.0.2.0/24", "2001:db8::1"] },
      { certificates: [pair], clientInReceived: false },
      { clients: { wanted: "require", ca: join(site, "cert.pem") } },
      { place: { path: join(site, "lmtp.sock"), mode: 0o666, owner: ":mail" }, proxyFrom: ["unix"] },
    ]);
  });

  it("takes ports that the system chooses more than once", async () => {
    await write(
      "postern.config.yaml",
      `hostname: a.b\nlisteners: [{ role: mx, port: 0 }, { role: mx, port: 0, name: b }]\n`,
    );
    expect((await load()).listeners.map(({ name }) => name)).toEqual(["mx-0", "b"]);
  });
});

describe("a plugin entry", () => {
  it("is a name, a name with options, or the long form", async () => {
    await write("p.mjs", plugin);
    await write(
      "q.mjs",
      plugin.replace("setup:", `config: { type: "object", properties: { n: { type: "integer" } } }, setup:`),
    );
    await write(
      "postern.config.yaml",
      `${yaml}plugins:
  - ./p.mjs
  - ./p.mjs:
  - ./q.mjs: { n: 3 }
  - use: ./q.mjs
    with: { n: 4 }
    id: mine
    when: { role: mx, listener: [mx-25] }
    timeoutMs: 500
    onFault: continue
    shadow: true
  - { use: ./p.mjs, with: }
`,
    );
    const { plugins } = await load();
    const plain = { when: null, timeoutMs: null, onFault: "defer", shadow: false, options: {} };
    const file = join(site, "postern.config.yaml");
    expect(plugins).toMatchObject([
      { ...plain, use: "./p.mjs", id: "policy-example", where: { file, line: 5 } },
      { ...plain, use: "./p.mjs", id: "policy-example#2", where: { file, line: 6 } },
      { ...plain, use: "./q.mjs", id: "policy-example#3", options: { n: 3 }, where: { file, line: 7 } },
      {
        use: "./q.mjs",
        id: "mine",
        options: { n: 4 },
        when: { role: ["mx"], listener: ["mx-25"] },
        timeoutMs: 500,
        onFault: "continue",
        shadow: true,
        where: { file, line: 8 },
      },
      { ...plain, use: "./p.mjs", id: "policy-example#4", where: { file, line: 15 } },
    ]);
  });
});

describe("the key queue", () => {
  it("arrives as the queue takes it", async () => {
    await write(
      "postern.config.yaml",
      `${yaml}workers: 2\nqueue:\n  bounceExpiry: 12h\n  messageRate: 1000/1h\n  destinations:\n    - { match: [Slow.Example, .example.net], maxConcurrency: 2, recipientRate: 5/1s }\n`,
    );
    expect((await load()).queue).toMatchObject({
      bounceExpiryMs: 12 * 3_600_000,
      expiryMs: 5 * 24 * 3_600_000,
      workers: 2,
      messages: { count: 1000, periodMs: 3_600_000 },
      destinations: [
        { match: ["slow.example", ".example.net"], maxConcurrency: 2, recipients: { count: 5, periodMs: 1000 } },
      ],
    });
  });

  it.each(["many", "0/1m", "5/0s", "5/1y", "-1/1s", "5"])("has no rate %j", async (rate) => {
    await write("postern.config.yaml", `${yaml}queue: { messageRate: "${rate}" }\n`);
    const loaded = await loadConfig({ cwd: site });
    expect(loaded.ok ? [] : loaded.mistakes).toMatchObject([{ expected: expect.stringContaining("100/1m") }]);
  });
});
