/**
 * kill -9 of the real, built server under load, which files into a Maildir and relays to a sink: of workers, of the primary, of all at
 * once, while it starts, while it drains. Nothing that got its 250 is missing in the end; what the sink has twice is counted and compared
 * with the deliveries that could be under way at a kill.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../../fuzz/random.ts";
import { bob, RunningServer } from "../../server/running-server.ts";
import { ignoreGone, startPatiently } from "./patient-start.ts";
import { ServerLoad } from "./server-load.ts";
import { Sink } from "./sink.ts";

export interface ServerKillReport {
  readonly points: Readonly<Record<Manner, number>>;
  readonly accepted: number;
  readonly duplicates: number;
  readonly duplicatesAllowed: number;
}

export interface ServerKillOptions {
  readonly seed: number;
  readonly points: number;
  /** Ends early, with what has been done so far. */
  readonly signal?: AbortSignal;
}

const manners = ["all", "worker", "primary", "start", "close"] as const;
type Manner = (typeof manners)[number];

const connections = 12;
/** Deliveries to one next hop at a time, of all workers together: as many may be handed over and not confirmed at a kill. */
const atOnce = 8;

export async function killServers({ seed, points, signal }: ServerKillOptions): Promise<ServerKillReport> {
  const random = new Random(seed);
  const sink = await Sink.start();
  const server = await RunningServer.prepare({
    accounts: { [bob.address]: bob.password },
    config: ["workers: 2", `queue: { maxPerDestination: ${atOnce}, firstRetry: 1s, maxRetry: 2s }`],
    plugins: (usual) =>
      usual.map((line) => {
        if (line.startsWith("- policy-relay")) return '- policy-relay: { networks: ["127.0.0.1/32"] }';
        return line === "- deliver-smtp"
          ? `- deliver-smtp: { smarthost: "[127.0.0.1]:${sink.port}", tls: none }`
          : line;
      }),
  });
  const counts = { all: 0, worker: 0, primary: 0, start: 0, close: 0 };
  const load = new ServerLoad(
    { port: server.ports.mx, recipients: [bob.address, "someone@sink.example"], prefix: `s${seed}x` },
    connections,
  );
  try {
    await startPatiently(server);
    let point = 0;
    for (; point < points && !signal?.aborted; point += 1) {
      const manner = random.pick(manners);
      counts[manner] += 1;
      await load.after(1 + Math.floor(random.next() ** 2 * 120));
      await die(server, manner, random);
    }
    await load.stop();
    const inMaildir = () => maildirIds(join(server.dataDir, "mail/example.org/bob/Maildir"));
    await everything(load.confirmed, [inMaildir, () => sink.taken], server);
    for (const [id, count] of inMaildir()) if (count > 1) throw new Error(`${id} is in the Maildir ${count} times`);
    const duplicates = [...sink.taken.values()].reduce((sum, count) => sum + count - 1, 0);
    const duplicatesAllowed = point * atOnce;
    if (duplicates > duplicatesAllowed) throw new Error(`${duplicates} twice, ${duplicatesAllowed} allowed`);
    return { points: counts, accepted: load.confirmed.size, duplicates, duplicatesAllowed };
  } catch (cause) {
    throw new Error(`SEED=${seed}: ${String(cause)}; last lines: ${JSON.stringify(server.lines.slice(-6))}`, { cause });
  } finally {
    await server.killAll().catch(ignoreGone);
    await load.stop();
    await sink.close();
    rmSync(server.directory, { recursive: true, force: true });
  }
}

async function die(server: RunningServer, manner: Manner, random: Random): Promise<void> {
  if (manner === "worker") {
    const from = server.lines.length;
    await server.killWorker();
    await server.logged((line) => line.msg.startsWith("worker died"), from, 120_000);
    return;
  }
  if (manner === "primary") {
    const workers = childrenOf(server.pid ?? 0);
    await server.stopProcess("SIGKILL");
    // They end what they have begun and go.
    while (workers.some((pid) => existsSync(`/proc/${pid}`))) await delay(20);
  } else if (manner === "close") {
    server.signal("SIGTERM");
    await delay(random.below(150));
    await server.killAll().catch(ignoreGone);
  } else await server.killAll();
  if (manner === "start") {
    const starting = server.startProcess().catch(() => undefined);
    await delay(random.below(2_500));
    await server.killAll().catch(ignoreGone);
    await starting;
  }
  await startPatiently(server);
}

const childrenOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean);

/** Whole messages only: one that is torn is an error. */
function maildirIds(maildir: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const part of ["new", "cur"]) {
    const path = join(maildir, part);
    for (const name of existsSync(path) ? readdirSync(path) : []) {
      const text = readFileSync(join(path, name), "latin1");
      const id = /^X-Id: (\S+)\r$/m.exec(text)?.[1] ?? "";
      if (!text.endsWith(`\r\nend of ${id}\r\n`)) throw new Error(`${name} is torn`);
      found.set(id, (found.get(id) ?? 0) + 1);
    }
  }
  return found;
}

const patienceMs = 300_000;

async function everything(
  confirmed: ReadonlySet<string>,
  places: readonly (() => ReadonlyMap<string, number>)[],
  server: RunningServer,
): Promise<void> {
  for (const until = Date.now() + patienceMs; ; ) {
    const missing = places.map((place) => {
      const there = place();
      return [...confirmed].filter((id) => !there.has(id));
    });
    if (missing.every(({ length }) => length === 0)) return;
    if (Date.now() > until) {
      const counts = missing.map((ids) => `${ids.length} (${ids.slice(0, 3).join(" ")})`).join(", ");
      throw new Error(`missing in the Maildir and at the sink: ${counts}; process ${server.pid}`);
    }
    await delay(500);
  }
}
