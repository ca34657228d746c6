/** The built Postern as a peer: one MX listener, one account, Maildir, as a small site would have it; or LMTP, POP3 and IMAP. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../server/ports.ts";
import type { MailboxPeer, Peer } from "./peer.ts";
import { startRelaySink } from "./relay-sink.ts";

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
  const [port, relayPort] = [await freePort(), await freePort()];
  const running = await launchPostern(
    [
      ...config,
      ...(workers === null ? [] : [`workers: ${workers}`]),
      "listeners:",
      `  - { role: mx, host: 127.0.0.1, port: ${port}, limits: { connectionsPerAddress: 1000 } }`,
      "plugins:",
      `  - policy-relay: { networks: [${delivery === "relay" ? "127.0.0.0/8" : ""}] }`,
      "  - directory-file: { path: accounts.yaml, domains: [example.org] }",
      ...policies,
      ...deliveries[delivery](relayPort),
    ],
    { "accounts.yaml": "accounts:\n  - address: user@example.org\n", ...files },
  );
  const relay = delivery === "relay" ? await startRelaySink(relayPort) : null;
  return {
    name: nameOf(name, workers),
    port,
    recipient: delivery === "relay" ? "user@far.example" : "user@example.org",
    maildir: delivery === "maildir" ? join(running.directory, "data/mail/example.org/user/Maildir") : null,
    ...(relay && { relay }),
    pid: running.pid,
    async stop() {
      await running.stop();
      await relay?.stop();
    },
  };
}

/** LMTP, POP3 and IMAP with accounts `user1` to `userN`, password `secret`. */
export async function startPosternMailboxes(users: number, workers: number | null): Promise<MailboxPeer> {
  const [port, pop3Port, imapPort] = [await freePort(), await freePort(), await freePort()];
  const addressOf = (user: number): string => `user${user}@example.org`;
  const accounts = Array.from(
    { length: users },
    (_, index) => `  - address: ${addressOf(index + 1)}\n    password: "{PLAIN}secret"\n`,
  );
  const limits = "limits: { connectionsPerAddress: 2000 }";
  const running = await launchPostern(
    [
      ...(workers === null ? [] : [`workers: ${workers}`]),
      "listeners:",
      `  - { role: lmtp, host: 127.0.0.1, port: ${port}, tls: none, ${limits} }`,
      `  - { role: pop3, host: 127.0.0.1, port: ${pop3Port}, tls: none, ${limits} }`,
      `  - { role: imap, host: 127.0.0.1, port: ${imapPort}, tls: none, ${limits} }`,
      "plugins:",
      "  - directory-file: { path: accounts.yaml, domains: [example.org] }",
      ...deliveries.maildir(0),
      "  - access-imap",
      // As Dovecot does unless told otherwise: no lock.
      "  - access-pop3: { maildrop: snapshot }",
    ],
    { "accounts.yaml": `accounts:\n${accounts.join("")}` },
  );
  const maildirOf = (user: number): string => join(running.directory, `data/mail/example.org/user${user}/Maildir`);
  return {
    name: nameOf(undefined, workers),
    port,
    pop3Port,
    imapPort,
    isLmtp: true,
    recipient: addressOf(1),
    maildir: maildirOf(1),
    maildirOf,
    mailUid: null,
    loginOf: addressOf,
    addressOf,
    pid: running.pid,
    stop: running.stop,
  };
}

const nameOf = (name: string | undefined, workers: number | null): string =>
  name ?? (workers === null ? "postern" : `postern, ${workers} worker${workers === 1 ? "" : "s"}`);

interface Running {
  readonly directory: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** The built server with this config, and these files beside it. */
async function launchPostern(config: readonly string[], files: Readonly<Record<string, string>>): Promise<Running> {
  const directory = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), "postern-bench-"));
  for (const [file, text] of Object.entries(files)) await writeFile(join(directory, file), text, { mode: 0o600 });
  await writeFile(
    join(directory, "postern.config.yaml"),
    ["hostname: mx.example.org", "dataDir: data", ...config, ""].join("\n"),
  );
  // Beside nothing that the server watches, and to a file, as Postfix does in its own measurement.
  await mkdir(join(directory, "log"));
  const logPath = join(directory, "log/postern.log");
  const log = await open(logPath, "w");
  const child = spawn(process.execPath, [command, "start"], {
    cwd: directory,
    stdio: ["ignore", log.fd, "inherit"],
    env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await log.close();
  while (!(await readFile(logPath, "utf8")).includes('"msg":"ready"')) {
    if (child.exitCode !== null) throw new Error("postern did not start");
    await sleep(20);
  }
  return {
    directory,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
