/** Debian's postgrey answers policy-delegate: a stranger is put off, and welcome a little later. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startDnsServer, type TestDnsServer } from "../../core/testing/dns-server.ts";
import { optionsOf } from "../../core/testing/plugin-options.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { fixture } from "../../core/testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../../core/testing/smtp-front.ts";
import plugin from "../../plugins/policy-delegate/index.ts";
import { freePorts } from "../server/ports.ts";
import { describeWith } from "./programs.ts";

const DELAY_S = 2;
const PATIENCE_MS = 60_000;

interface Postgrey {
  readonly address: string;
  stop(): Promise<void>;
}

async function startPostgrey(place: "inet" | "unix"): Promise<Postgrey> {
  const directory = await mkdtemp(join(tmpdir(), "postern-postgrey-"));
  for (const list of ["clients", "recipients"]) await writeFile(join(directory, list), "");
  const [port = 0] = place === "inet" ? await freePorts(1) : [];
  const socket = join(directory, "socket");
  const listens = place === "inet" ? `--inet=127.0.0.1:${port}` : `--unix=${socket}`;
  const user = userInfo().username;
  const child: ChildProcess = spawn(
    "/usr/sbin/postgrey",
    [
      listens,
      `--dbdir=${directory}`,
      `--delay=${DELAY_S}`,
      `--user=${user}`,
      `--group=${user}`,
      "--hostname=mx.example.org",
      `--whitelist-clients=${join(directory, "clients")}`,
      `--whitelist-recipients=${join(directory, "recipients")}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const listensNow = () =>
    new Promise<boolean>((resolve) => {
      const probe = place === "inet" ? connect(port, "127.0.0.1") : connect(socket);
      probe.on("connect", () => resolve(true)).on("error", () => resolve(false));
      probe.on("connect", () => probe.destroy());
    });
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await listensNow())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`postgrey did not start: ${said}`);
    }
    await pause(50);
  }
  return { address: place === "inet" ? `inet:127.0.0.1:${port}` : `unix:${socket}`, stop };
}

describeWith(["postgrey"], "postgrey", () => {
  let dns: TestDnsServer;
  beforeEach(async () => {
    dns = await startDnsServer([]);
  });
  afterEach(() => dns.close());

  async function send(server: SmtpTestServer): Promise<string> {
    const client = await RawClient.open(server.port, "127.0.0.9");
    await client.until(/^220 .*\r\n/m);
    await client.say("EHLO client.example");
    await client.say("MAIL FROM:<ann@example.net>");
    const reply = await client.say("RCPT TO:<user@example.org>");
    if (reply.startsWith("250")) {
      await client.say("DATA");
      await client.say("Subject: x\r\n\r\nx\r\n.");
    }
    await client.say("QUIT");
    await client.closed();
    return reply;
  }

  it.each(["inet", "unix"] as const)("puts a stranger off and welcomes him later, over %s", async (place) => {
    const postgrey = await startPostgrey(place);
    const server = await smtpTestServer({
      dns: dns.server,
      plugins: [fixture, [plugin, optionsOf(plugin, { server: postgrey.address })]],
    });
    try {
      expect(await send(server)).toMatch(/^450 4\.\d\.\d .*[Gg]reylist/);
      // The delay is postgrey's own, by its own clock: the client just comes back until it is over.
      const deadline = Date.now() + PATIENCE_MS;
      let reply = await send(server);
      while (reply.startsWith("450") && Date.now() < deadline) {
        await pause(200);
        reply = await send(server);
      }
      expect(reply).toMatch(/^250/);
      expect(server.accepted.at(-1)?.text).toMatch(/^X-Greylist: delayed \d+ seconds by postgrey/m);
    } finally {
      await server.close();
      await postgrey.stop();
    }
  });
});
