/**
 * A whole Postern in processes of its own, as an administrator starts it: config file, data directory, ports. Tests follow
 * it by its log. Everything lives below one temporary directory and ends with `stop`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../clients/programs.ts";
import { freePorts } from "./ports.ts";

/** The built command line; `build.ts` sees to it that it is not stale. */
export const command = [fileURLToPath(new URL("../../dist/core/cli/bin.js", import.meta.url))];

export interface Ports {
  readonly mx: number;
  readonly submission: number;
  readonly submissions: number;
  readonly lmtp: number;
  readonly imap: number;
  readonly imaps: number;
  readonly pop3: number;
  readonly pop3s: number;
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string; readonly level: string };

export interface ServerOptions {
  /** Lines of the `plugins:` list to put in front of, or in place of, the usual ones. */
  readonly plugins?: (usual: readonly string[]) => readonly string[];
  /** Lines of the `listeners:` list, from the usual ones. */
  readonly listeners?: (usual: readonly string[]) => readonly string[];
  /** Further top-level lines. */
  readonly config?: readonly string[];
  /** Accounts by address, with their passwords. */
  readonly accounts?: Readonly<Record<string, string>>;
  readonly domains?: readonly string[];
  /** Further files beside the config, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export const alice = { address: "alice@example.org", password: "correct horse" };
export const bob = { address: "bob@example.org", password: "battery staple" };

const usualPlugins = (domains: readonly string[]): string[] => [
  "- policy-relay: { networks: [] }",
  `- directory-file: { path: accounts.yaml, domains: [${domains.join(", ")}] }`,
  '- alias-virtual: { maps: ["hash:virtual"] }',
  '- store-maildir: { path: "{home}/Maildir/" }',
  "- deliver-local",
  "- deliver-smtp",
  "- access-imap",
  "- access-pop3",
];

export class RunningServer {
  readonly directory: string;
  readonly ports: Ports;
  readonly lines: LogLine[] = [];
  /** What came that was no log line. */
  stray = "";
  #child: ChildProcess | null = null;
  #exited: Promise<number | null> = Promise.resolve(null);
  #wake: () => void = () => {};

  private constructor(directory: string, ports: Ports) {
    this.directory = directory;
    this.ports = ports;
  }

  /** Writes the config, adds the accounts, starts the server and waits until it is ready. */
  static async start(options: ServerOptions = {}): Promise<RunningServer> {
    const server = await RunningServer.prepare(options);
    await server.startProcess();
    return server;
  }

  static async prepare({
    plugins = (usual) => usual,
    listeners = (usual) => usual,
    config = [],
    accounts,
    domains = ["example.org"],
    files = {},
  }: ServerOptions = {}): Promise<RunningServer> {
    const directory = await mkdtemp(join(tmpdir(), "postern-server-"));
    const server = new RunningServer(directory, await choosePorts());
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
    await writeFile(join(directory, "virtual"), "postmaster@example.org alice@example.org\n");
    await writeFile(
      server.configFile,
      configText({
        config,
        listeners: listeners(usualListeners(server.ports)),
        plugins: plugins(usualPlugins(domains)),
      }),
    );
    for (const [address, password] of Object.entries(
      accounts ?? { [alice.address]: alice.password, [bob.address]: bob.password },
    )) {
      const added = await run(
        process.execPath,
        [...command, "account", "add", address, "--password-stdin", "--config", server.configFile],
        { input: `${password}\n` },
      );
      if (added.exitCode !== 0) throw new Error(`account add: ${added.output}`);
    }
    return server;
  }

  get configFile(): string {
    return join(this.directory, "postern.config.yaml");
  }

  get dataDir(): string {
    return join(this.directory, "data");
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async startProcess(): Promise<void> {
    this.#child = spawn(process.execPath, [...command, "start", "--config", this.configFile], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a process group of its own, which can be killed as a whole
      cwd: this.directory,
    });
    const child = this.#child;
    this.#exited = new Promise((resolve) => child.once("close", (code) => resolve(code)));
    let rest = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) this.#take(line);
        this.#wake();
      });
    }
    const started = this.lines.length;
    await Promise.race([
      this.logged((line) => line.msg === "ready", started),
      this.#exited.then((code) => {
        throw new Error(
          `the server ended with ${code} while starting: ${this.stray}${JSON.stringify(this.lines.slice(-5))}`,
        );
      }),
    ]);
  }

  /** The first log line from `from` on that fits, waiting for it. */
  async logged(fits: (line: LogLine) => boolean, from = 0, timeoutMs = 120_000): Promise<LogLine> {
    const deadline = Date.now() + timeoutMs;
    for (let at = from; ; at++) {
      while (at >= this.lines.length) await this.#next(deadline);
      const line = this.lines[at];
      if (line && fits(line)) return line;
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Ends the server as its administrator would; answers the exit code. */
  async stopProcess(name: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.signal(name);
    return this.#exited;
  }

  /** SIGKILL to primary and workers, as a crash of the machine would. */
  async killAll(): Promise<void> {
    if (this.pid !== undefined) process.kill(-this.pid, "SIGKILL");
    await this.#exited;
  }

  /** SIGKILL to one worker (Linux). */
  async killWorker(): Promise<void> {
    const children = await readFile(`/proc/${this.pid}/task/${this.pid}/children`, "utf8");
    const worker = Number(children.trim().split(" ")[0]);
    if (!(worker > 0)) throw new Error("there is no worker");
    process.kill(worker, "SIGKILL");
  }

  async stop(): Promise<void> {
    await this.stopProcess();
    await rm(this.directory, { recursive: true, force: true });
  }

  #take(line: string): void {
    if (line.startsWith("{")) this.lines.push(JSON.parse(line) as LogLine);
    else if (line !== "") this.stray += `${line}\n`;
  }

  async #next(deadline: number): Promise<void> {
    const before = this.lines.length;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new Error(`not logged in time; last lines: ${JSON.stringify(this.lines.slice(-8))} ${this.stray}`)),
        Math.max(1, deadline - Date.now()),
      );
      this.#wake = () => {
        if (this.lines.length === before) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const usualListeners = (ports: Ports): string[] => [
  `- { role: mx, host: 127.0.0.1, port: ${ports.mx} }`,
  `- { role: submission, host: 127.0.0.1, port: ${ports.submission}, tls: required }`,
  `- { role: submission, host: 127.0.0.1, port: ${ports.submissions}, tls: implicit }`,
  `- { role: lmtp, host: 127.0.0.1, port: ${ports.lmtp}, tls: none }`,
  `- { role: imap, host: 127.0.0.1, port: ${ports.imap} }`,
  `- { role: imap, host: 127.0.0.1, port: ${ports.imaps}, tls: implicit }`,
  `- { role: pop3, host: 127.0.0.1, port: ${ports.pop3} }`,
  `- { role: pop3, host: 127.0.0.1, port: ${ports.pop3s}, tls: implicit }`,
];

interface ConfigLines {
  readonly config: readonly string[];
  readonly listeners: readonly string[];
  readonly plugins: readonly string[];
}

const configText = ({ config, listeners, plugins }: ConfigLines): string =>
  [
    "hostname: mx.example.org",
    "dataDir: data",
    "tls: self-signed",
    ...config,
    "listeners:",
    ...listeners.map((line) => `  ${line}`),
    "plugins:",
    ...plugins.map((line) => `  ${line}`),
    "",
  ].join("\n");

async function choosePorts(): Promise<Ports> {
  const names = ["mx", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s"] as const;
  const ports = await freePorts(names.length);
  return Object.fromEntries(names.map((name, index) => [name, ports[index]])) as unknown as Ports;
}
