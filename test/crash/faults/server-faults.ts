/**
 * Real faults under the real, built server: a file system of the spool that fills up, file systems of mail and spool that become read-only,
 * processes that may open no further file. Clients get 4xx, the log says why, nothing confirmed is missing afterwards, and mail is taken
 * again when it is over, without a restart. Mounting needs root, `prlimit` and Linux.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { bob, type LogLine, RunningServer } from "../../server/running-server.ts";
import { startPatiently } from "../kills/patient-start.ts";
import { ServerLoad } from "../kills/server-load.ts";

export interface ServerFaultReport {
  readonly accepted: number;
  /** What clients were told while it lasted. */
  readonly replies: readonly string[];
  /** What the log said, once each. */
  readonly logged: readonly string[];
}

/** `null`: they can be made here. */
export function whyNoServerFaults(): string | null {
  if (process.platform !== "linux") return "this is no Linux";
  if (process.getuid?.() !== 0) return "file systems are mounted by root only";
  try {
    execFileSync("prlimit", ["--nofile"], { stdio: "ignore" });
    const directory = execFileSync("mktemp", ["-d"], { encoding: "utf8" }).trim();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], { stdio: "ignore" });
    execFileSync("umount", [directory]);
    rmSync(directory, { recursive: true });
    return null;
  } catch (error) {
    return `no file system can be mounted here: ${String(error)}`;
  }
}

const connections = 6;
const mebibyte = 1024 * 1024;

interface Scene {
  readonly server: RunningServer;
  readonly load: ServerLoad;
}

/** A server with mounts of its own below its data directory, under load from beginning to end. */
async function withServer(
  mounts: Readonly<Record<string, number>>,
  play: (scene: Scene) => Promise<void>,
): Promise<ServerFaultReport> {
  const server = await RunningServer.prepare({
    accounts: { [bob.address]: bob.password },
    config: ["workers: 1", "spool: { minFree: 1MiB }", "queue: { firstRetry: 1s, maxRetry: 2s }"],
  });
  const mounted: string[] = [];
  let load: ServerLoad | null = null;
  try {
    for (const [name, sizeBytes] of Object.entries(mounts)) {
      const path = join(server.dataDir, name);
      mkdirSync(path, { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path]);
      mounted.push(path);
    }
    await startPatiently(server);
    load = new ServerLoad({ port: server.ports.mx, recipients: [bob.address], prefix: "m" }, connections);
    await load.after(20);
    await play({ server, load });
    await load.after(20);
    await load.stop();
    await allFiled(server, load.confirmed);
    const complaints = server.lines.filter(({ level }) => level === "warn" || level === "error");
    return {
      accepted: load.confirmed.size,
      replies: [...load.refusals.keys()].sort(),
      logged: [...new Set(complaints.map(({ msg }) => msg))].sort(),
    };
  } finally {
    await server.killAll().catch(() => undefined);
    await load?.stop();
    for (const path of mounted) execFileSync("umount", [path]);
    rmSync(server.directory, { recursive: true, force: true });
  }
}

/** The spool's file system fills up, as by somebody else's files, and is given room again. */
export const fullDisk = (): Promise<ServerFaultReport> =>
  withServer({ spool: 96 * mebibyte }, async ({ server, load }) => {
    const filler = join(server.dataDir, "spool/filler");
    const { bavail, bsize } = statfsSync(join(server.dataDir, "spool"));
    writeFileSync(filler, Buffer.alloc(bavail * bsize));
    await refused(load);
    rmSync(filler);
  });

/** The file system of the mailboxes becomes read-only: mail is taken, waits, and is filed when it is over. */
export const readOnlyMail = (): Promise<ServerFaultReport> =>
  withServer({ mail: 64 * mebibyte }, async ({ server, load }) => {
    const mail = join(server.dataDir, "mail");
    for (;;) {
      try {
        execFileSync("mount", ["-o", "remount,ro", mail], { stdio: "ignore" });
        break;
      } catch {
        // A delivery has a file open for writing: at the next moment.
        await delay(20);
      }
    }
    await complained(
      server,
      (line) => JSON.stringify(line).includes("EROFS") || /cannot be written|deferred|put off/.test(line.msg),
    );
    await load.after(5);
    execFileSync("mount", ["-o", "remount,rw", mail]);
  });

/** A worker may open no further file: neither connections nor files. */
export const noDescriptors = (): Promise<ServerFaultReport> =>
  withServer({}, async ({ server, load }) => {
    const [worker = ""] = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").trim().split(" ");
    const usual = execFileSync("prlimit", ["--pid", worker, "--nofile", "--output", "SOFT", "--noheadings"], {
      encoding: "utf8",
    }).trim();
    // Low enough that a mailbox cannot be opened; what is open stays open.
    execFileSync("prlimit", ["--pid", worker, "--nofile=20:"]);
    await complained(server, (line) => JSON.stringify(line).includes("EMFILE"));
    execFileSync("prlimit", ["--pid", worker, `--nofile=${usual}:`]);
    await load.after(1);
  });

/** Resolves when clients are told 4xx; any other refusal is an error. */
async function refused(load: ServerLoad): Promise<void> {
  for (const until = Date.now() + patienceMs; load.refusals.size === 0; await delay(20))
    if (Date.now() > until) throw new Error("nobody was refused");
  for (const reply of load.refusals.keys()) if (!/^4\d\d /.test(reply)) throw new Error(`a client was told: ${reply}`);
}

async function complained(server: RunningServer, fits: (line: LogLine) => boolean): Promise<void> {
  await server.logged((line) => (line.level === "warn" || line.level === "error") && fits(line), 0, patienceMs);
}

const patienceMs = 180_000;

async function allFiled(server: RunningServer, confirmed: ReadonlySet<string>): Promise<void> {
  const maildir = join(server.dataDir, "mail/example.org/bob/Maildir");
  for (const until = Date.now() + patienceMs; ; await delay(300)) {
    const there = new Set<string>();
    for (const part of ["new", "cur"]) {
      const path = join(maildir, part);
      for (const name of existsSync(path) ? readdirSync(path) : []) {
        const text = readFileSync(join(path, name), "latin1");
        const id = /^X-Id: (\S+)\r$/m.exec(text)?.[1] ?? "";
        if (!text.endsWith(`\r\nend of ${id}\r\n`)) throw new Error(`${name} is torn`);
        if (there.has(id)) throw new Error(`${id} is there twice`);
        there.add(id);
      }
    }
    const missing = [...confirmed].filter((id) => !there.has(id));
    if (missing.length === 0) return;
    if (Date.now() > until) throw new Error(`${missing.length} are missing: ${missing.slice(0, 5).join(" ")}`);
  }
}
