import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Message } from "../contracts/envelope.ts";
import { Spool, type SpoolEnvelope } from "../contracts/spool.ts";
import { definePlugin } from "../kernel/define.ts";
import { createMessage } from "../kernel/message.ts";
import { parseAddress } from "../mail/address.ts";
import { defaultLimits } from "../smtp/config.ts";
import { entriesOf, keptLog, type Listed } from "../testing/kernel.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { prepareDataDirectory } from "./data-directory.ts";
import { createNotifier } from "./notifier.ts";
import { openServer } from "./server.ts";

async function serverWith(...plugins: readonly Listed[]) {
  const dataDir = await mkdtemp(join(tmpdir(), "postern-server-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  await prepareDataDirectory(dataDir, null);
  const postmaster = parseAddress("postmaster@example.org");
  if (postmaster === null) throw new Error("postmaster@example.org is an address");
  const limits = {
    ...defaultLimits,
    hops: 100,
    expansion: 10_000,
    messageSizeBytes: 100_000,
    connections: 10,
    connectionsPerAddress: 10,
  };
  const config: ServerConfig = {
    hostname: "mx.example.org",
    dataDir,
    mailq: "everybody",
    maildrop: join(dataDir, "maildrop"),
    user: null,
    origin: "example.org",
    postmaster,
    recipientDelimiter: "+",
    tls: null,
    listeners: [
      {
        name: "mx",
        role: "mx",
        place: { at: "port", host: "127.0.0.1", port: 0 },
        tls: "none",
        proxyFrom: [],
        limits,
      },
    ],
    plugins: entriesOf(plugins),
    workers: 1,
    reportTexts: [],
    delayReject: true,
    limits,
    spool: { minFreeBytes: 0, maxMessages: 1000 },
    queue: {
      ...{ firstRetryMs: 60_000, maxRetryMs: 60_000, expiryMs: 600_000, warnAfterMs: 600_000 },
      ...{ bounceExpiryMs: 600_000, maxDeliveries: 200, maxPerDestination: 20, startPerDestination: 5 },
      ...{ deadAfter: 3, destinations: [], workers: 1 },
    },
    dns: { servers: [], timeoutMs: 1_000, clientNamesMs: 3_000 },
    keyValue: { ceilingBytes: 1024 * 1024 },
    mailboxIndex: { ceilingBytes: 64 * 1024 * 1024 },
    sharing: { otherUsers: null, shared: "Shared", roots: new Map(), groups: new Map(), mayShareWithAll: false },
    quota: {
      usual: { bytes: null, messages: null },
      softPercent: null,
      folders: new Map(),
      warnAtPercent: [],
      warnAgainAfterMs: 0,
      warningSubject: "",
      warningText: "",
      whenFull: "defer",
    },
    login: { mechanisms: null, cramMd5: false, scramIterations: 4096, hashThreads: 1, hashWaiting: 256 },
    firstAccount: null,
    log: { level: "error", pretty: false },
    configFile: join(dataDir, "postern.config.yaml"),
    configDir: dataDir,
  };
  const { log, lines } = keptLog();
  const server = await openServer({
    config,
    slot: 0,
    listens: true,
    log,
    clock: Date,
    notifier: createNotifier(null),
    flushElsewhere: null,
    dropPrivileges: () => undefined,
  });
  const port = Number(server.listeners[0]?.at.split(":").at(-1));
  return { server, port, dataDir, lines };
}

async function sendTo(port: number): Promise<string> {
  const client = await RawClient.open(port);
  await client.until(/220 .*\r\n/);
  await client.say("EHLO client.example.net");
  await client.say("MAIL FROM:<a@example.net>");
  await client.say("RCPT TO:<user@example.org>");
  await client.say("DATA");
  const answer = await client.say("Subject: hello\r\n\r\nhello\r\n.");
  client.socket.destroy();
  return answer;
}

/** Keeps mail in memory. */
function spoolPlugin() {
  const accepted: SpoolEnvelope[] = [];
  const spool: Spool = {
    receive() {
      const pieces: Uint8Array[] = [];
      return {
        sizeBytes: 0,
        write: (piece) => void pieces.push(piece),
        end: async (): Promise<Message> => createMessage(Buffer.concat(pieces), []),
        abort: async () => undefined,
      };
    },
    accept: async (envelope) => void accepted.push(envelope),
    settle: async () => undefined,
    reschedule: async () => undefined,
    hold: async () => undefined,
    async *list() {},
    remove: async () => undefined,
    read: async () => null,
    async *recovered() {},
    close: async () => undefined,
  };
  const plugin = definePlugin({
    name: "spool-memory",
    api: 1,
    provides: { spool: Spool },
    setup: () => ({ hooks: {}, provides: { spool } }),
  });
  return { plugin, accepted };
}

describe("a plugin's spool", () => {
  it("keeps the mail, and no other is opened", async () => {
    const { plugin, accepted } = spoolPlugin();
    const { server, port, dataDir } = await serverWith(fixture, plugin);
    try {
      expect(await sendTo(port)).toMatch(/^250 2\.0\.0 Ok: queued as /);
      expect(accepted.map(({ recipients }) => recipients[0]?.address)).toEqual(["user@example.org"]);
      expect(await readdir(join(dataDir, "spool", "0"))).toEqual(["control"]);
    } finally {
      await server.close();
    }
  });
});
