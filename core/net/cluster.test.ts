import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { Client, Workbench } from "../testing/connections.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

const repository = fileURLToPath(new URL("../..", import.meta.url));
const listenerModule = new URL("./listener.ts", import.meta.url).href;

/** Two workers with one listener each on the same port; each greets with its process id and ends when told to drain. */
const SCRIPT = `
import cluster from "node:cluster";
import { openListener } from ${JSON.stringify(listenerModule)};
if (cluster.isPrimary) {
  const ports = [];
  cluster.on("message", (_, message) => {
    ports.push(message);
    if (ports.length === 2) console.log(JSON.stringify(ports));
  });
  for (let at = 0; at < 2; at++) cluster.fork();
  process.stdin.resume().once("end", () => { for (const worker of Object.values(cluster.workers)) if (worker.isConnected()) worker.send("end"); });
} else {
  const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const kernel = { hears: () => false, notice() {}, policy() {} };
  const deps = { log, hostname: "h", certificates: null, kernel, policies: "room", serve(connection) {
    void connection.write(\`hello \${process.pid}\\n\`);
    connection.draining.addEventListener("abort", () => { void connection.write("bye\\n"); connection.close(); });
  } };
  const spec = { name: "test", role: "imap", tls: "none", limits: { connections: 10, connectionsPerAddress: 10 } };
  const place = (port) => ({ at: "port", host: "127.0.0.1", port });
  try {
    const listener = await openListener({ ...spec, place: place(Number(process.env.PORT)) }, deps);
    process.send({ port: listener.address.port });
    process.once("message", async () => { await listener.close(5_000); process.disconnect(); });
  } catch (error) {
    process.send({ code: error.code, message: error.message });
    process.disconnect();
  }
}
`;

async function cluster(
  port: number,
): Promise<{ answers: { port?: number; message?: string }[]; primary: ChildProcess }> {
  const script = join(await bench.directory(), "cluster.mjs");
  await writeFile(script, SCRIPT);
  const primary = spawn(process.execPath, ["--import", "tsx", script], {
    cwd: repository,
    env: { ...process.env, PORT: String(port) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  bench.defer(async () => {
    if (primary.exitCode !== null) return;
    primary.stdin?.end();
    await once(primary, "exit");
  });
  if (!primary.stdout) throw new Error("no stdout");
  const [line] = await once(createInterface(primary.stdout), "line");
  return { answers: JSON.parse(String(line)), primary };
}

describe("listeners in the workers of a cluster", () => {
  it("share a port, and drain", async () => {
    const { answers, primary } = await cluster(0);
    const port = answers[0]?.port ?? 0;
    expect(answers[1]?.port).toBe(port);
    const clients: Client[] = [];
    for (let at = 0; at < 4; at++) {
      const client = new Client(connect(port, "127.0.0.1"));
      bench.defer(() => client.socket.destroy());
      await client.until("\n");
      clients.push(client);
    }
    const greeters = new Set(clients.map(({ text }) => text));
    expect(greeters.size).toBe(2);
    expect(greeters).not.toContain(`hello ${primary.pid}\n`);
    primary.stdin?.end();
    for (const client of clients) expect(await client.ended()).toMatch(/^hello \d+\nbye\n$/);
    if (primary.exitCode === null) await once(primary, "exit");
    expect(primary.exitCode).toBe(0);
  });

  it("say why they cannot listen", async () => {
    const { port } = await bench.listener({});
    const { answers } = await cluster(port);
    for (const { message } of answers) expect(message).toContain(`127.0.0.1:${port}: the port is in use`);
  });
});
