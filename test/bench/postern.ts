/** The built Postern as a peer: one MX listener, one account, Maildir, as a small site would have it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../server/ports.ts";
import type { Peer } from "./peer.ts";

const command = fileURLToPath(new URL("../../dist/core/cli/bin.js", import.meta.url));

export interface PosternOptions {
  readonly name?: string;
  readonly workers: number | null;
  /** Lines of the config's list of plugins before the delivery. */
  readonly policies?: readonly string[];
  /** Further top-level lines of the config. */
  readonly config?: readonly string[];
  /** Files that they read, by name, beside the config. */
  readonly files?: Readonly<Record<string, string>>;
  /** `sink`: messages are thrown away behind the queue. `relay`: to smtp-sink on a port of loopback. */
  readonly delivery: "maildir" | "sink" | "relay";
}

const sink = fileURLToPath(new URL("./sink-plugin.ts", import.meta.url));

const deliveries: Readonly<Record<PosternOptions["delivery"], (relayPort: number) => readonly string[]>> = {
  maildir: () => ['  - store-maildir: { path: "{home}/Maildir/" }', "  - deliver-local"],
  sink: () => [`  - ${sink}`],
  relay: (relayPort) => [`  - deliver-smtp: { smarthost: "[127.0.0.1]:${relayPort}", tls: none }`],
};

export async function startPostern({
  name,
  workers,
  policies = [],
  files = {},
  config = [],
  delivery,
}: PosternOptions): Promise<Peer> {
  const directory = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), "postern-bench-"));
  const [port, relayPort] = [await freePort(), await freePort()];
  await writeFile(join(directory, "accounts.yaml"), "accounts:\n  - address: user@example.org\n", { mode: 0o600 });
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text);
  await writeFile(
    join(directory, "postern.config.yaml"),
    [
      "hostname: mx.example.org",
      "dataDir: data",
      ...config,
      ...(workers === null ? [] : [`workers: ${workers}`]),
      "listeners:",
      `  - { role: mx, host: 127.0.0.1, port: ${port}, limits: { connectionsPerAddress: 1000 } }`,
      "plugins:",
      `  - policy-relay: { networks: [${delivery === "relay" ? "127.0.0.0/8" : ""}] }`,
      "  - directory-file: { path: accounts.yaml, domains: [example.org] }",
      ...policies,
      ...deliveries[delivery](relayPort),
      "",
    ].join("\n"),
  );
  const child = spawn(process.execPath, [command, "start"], {
    cwd: directory,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (line.includes('"msg":"ready"')) resolve();
    });
    void ended.then(() => reject(new Error("postern did not start")));
  });
  return {
    name: name ?? (workers === null ? "postern" : `postern, ${workers} worker${workers === 1 ? "" : "s"}`),
    port,
    recipient: delivery === "relay" ? "user@far.example" : "user@example.org",
    maildir: delivery === "maildir" ? join(directory, "data/mail/example.org/user/Maildir") : null,
    ...(delivery === "relay" && { relayPort }),
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
