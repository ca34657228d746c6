/**
 * Haraka as a peer: everything is relayed through its queue on disk to smtp-sink. It is no dependency: HARAKA names a directory where
 * `npm install Haraka` was run.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../server/ports.ts";
import type { Peer } from "./peer.ts";
import { startRelaySink } from "./relay-sink.ts";

const relayPlugin = (sinkPort: number) => `"use strict";
exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };
exports.hook_rcpt = (next) => next(OK);
exports.hook_get_mx = (next) => next(OK, { priority: 0, exchange: "127.0.0.1", port: ${sinkPort} });
`;

export async function startHaraka(home: string, processes: number): Promise<Peer> {
  const directory = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), "postern-haraka-"));
  const [port, sinkPort] = [await freePort(), await freePort()];
  for (const name of ["config", "plugins", "queue"]) await mkdir(join(directory, name));
  await cp(join(home, "node_modules/Haraka/config"), join(directory, "config"), { recursive: true });
  const files = {
    "config/me": "mx.example.org\n",
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=${processes}\n`,
    "config/plugins": "bench_relay\n",
    "config/loglevel": "notice\n",
    "config/outbound.ini": "local_mx_ok=true\nenable_tls=false\nconcurrency_max=100\n",
    "plugins/bench_relay.js": relayPlugin(sinkPort),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const relay = await startRelaySink(sinkPort);
  const log = await open(join(directory, "log"), "w");
  const child = spawn(process.execPath, [join(home, "node_modules/Haraka/bin/haraka"), "-c", directory], {
    cwd: directory,
    stdio: ["ignore", log.fd, log.fd],
    env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
  });
  const closed = once(child, "close");
  await log.close();
  while (!(await greets(port))) {
    if (child.exitCode !== null) throw new Error(`Haraka did not start: see ${directory}/log`);
    await sleep(50);
  }
  return {
    ...{ name: "haraka", port, recipient: "user@far.example", maildir: null, relay },
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await Promise.race([closed, sleep(10_000).then(() => child.kill("SIGKILL"))]);
      await relay.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function greets(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  const isGreeted = await Promise.race([
    once(socket, "data").then(() => true),
    once(socket, "close").then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return isGreeted;
}
