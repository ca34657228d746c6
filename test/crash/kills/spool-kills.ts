/**
 * kill -9 of a process that works on a spool, again and again on the same directory: at the nth file operation of its life (start and recovery
 * included) or of its `close`, before or after it, or at any moment from outside. What was confirmed is there and whole, what was settled
 * stays settled. Counts what would be handed over twice: at most what was being settled at the kill.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { Random } from "../../fuzz/random.ts";

export interface KillReport {
  readonly points: number;
  /** Among the points: before all that was there had been told; during `close`. */
  readonly duringStart: number;
  readonly duringClose: number;
  readonly accepted: number;
  readonly settled: number;
  readonly duplicates: number;
  /** What was being settled at the kills, in sum. */
  readonly duplicatesAllowed: number;
}

export interface SpoolKillOptions {
  readonly seed: number;
  readonly points: number;
  /** Ends early, with what has been done so far. */
  readonly signal?: AbortSignal;
}

const lanes = 8;

/** The load as the built server runs it: nothing has to be compiled at each start. */
function builtLoad(directory: string): string {
  const source = readFileSync(new URL("../spool-load.ts", import.meta.url), "utf8");
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
  });
  const dist = fileURLToPath(new URL("../../../dist/core/", import.meta.url));
  const file = join(directory, "spool-load.mjs");
  writeFileSync(
    file,
    outputText.replace(/"\.\.\/\.\.\/core\/([^"]+)\.ts"/g, (_, path) => JSON.stringify(`${dist}${path}.js`)),
  );
  return file;
}

class Books {
  readonly #alive = new Map<string, "accepted" | "handed" | "settled">();
  readonly #leaving = new Set<string>();
  accepted = 0;
  settled = 0;
  duplicates = 0;
  allowed = 0;
  #told = new Map<string, string>();

  /** One line of the load. `true`: all that was there has been told. */
  hear(line: string): boolean {
    const [what = "", id = "", ...rest] = line.split(" ");
    switch (what) {
      case "+":
        this.accepted += 1;
        this.#alive.set(id, "accepted");
        return false;
      case ">":
        if (this.#alive.get(id) !== "settled") this.#alive.set(id, "handed");
        return false;
      case "=":
        this.settled += 1;
        this.#alive.set(id, "settled");
        return false;
      case "-":
        this.#leaving.add(id);
        return false;
      case "?":
        if (this.#told.has(id)) throw new Error(`${id} is told twice`);
        this.#told.set(id, rest.join(" "));
        return false;
      case "!":
        throw new Error(`${id}: ${rest.join(" ")}`);
      case ".":
        this.#compare();
        return true;
      default:
        throw new Error(`the load says ${line}`);
    }
  }

  /** A process has gone, before it had told everything or afterwards. */
  gone(): void {
    this.#told = new Map();
    this.allowed += [...this.#alive.values()].filter((state) => state === "handed").length;
  }

  #compare(): void {
    for (const [id, state] of this.#alive) {
      const outcome = this.#told.get(id);
      if (outcome === undefined && !this.#leaving.has(id)) throw new Error(`${id} is lost`);
      if (outcome === "none" && state === "settled") throw new Error(`the outcome of ${id} is forgotten`);
      // A queue would hand it over once more.
      if (outcome === "none" && state === "handed") this.duplicates += 1;
    }
    this.#alive.clear();
    this.#leaving.clear();
    for (const [id, outcome] of this.#told) this.#alive.set(id, outcome === "none" ? "accepted" : "settled");
    this.#told = new Map();
  }
}

/** Spools side by side: a process spends much of its life waiting. */
const sideBySide = 4;

export async function killSpools({ seed, points, ...rest }: SpoolKillOptions): Promise<KillReport> {
  const shares = Array.from({ length: sideBySide }, (_, index) => Math.floor((points + index) / sideBySide));
  const reports = await Promise.all(
    shares.map((share, index) => killOneSpool({ seed: seed + index, points: share, ...rest })),
  );
  return reports.reduce((sum, report) => ({
    points: sum.points + report.points,
    duringStart: sum.duringStart + report.duringStart,
    duringClose: sum.duringClose + report.duringClose,
    accepted: sum.accepted + report.accepted,
    settled: sum.settled + report.settled,
    duplicates: sum.duplicates + report.duplicates,
    duplicatesAllowed: sum.duplicatesAllowed + report.duplicatesAllowed,
  }));
}

async function killOneSpool({ seed, points, signal }: SpoolKillOptions): Promise<KillReport> {
  const scratch = mkdtempSync(join(tmpdir(), "postern-kills-"));
  const random = new Random(seed);
  const books = new Books();
  const counts = { duringStart: 0, duringClose: 0 };
  try {
    const program = builtLoad(scratch);
    const dir = join(scratch, "spool");
    let point = 0;
    // What a load leaves behind that ended by itself keeps its ids: each life needs others.
    for (let life = 0; point < points && !signal?.aborted; life += 1) {
      const result = await liveAndDie({ program, dir, prefix: `p${life}x` }, books, random);
      books.gone();
      if (!result.isKilled) continue;
      point += 1;
      if (!result.hasStarted) counts.duringStart += 1;
      if (result.wasClosing) counts.duringClose += 1;
    }
    const { accepted, settled, duplicates, allowed } = books;
    if (duplicates > allowed) throw new Error(`${duplicates} would be handed over twice, ${allowed} were under way`);
    rmSync(scratch, { recursive: true, force: true });
    return { points: point, ...counts, accepted, settled, duplicates, duplicatesAllowed: allowed };
  } catch (cause) {
    throw new Error(`SEED=${seed}: ${String(cause)}; the spool is in ${scratch}`, { cause });
  }
}

interface Death {
  /** `false`: the load ended by itself, before its operation came. */
  readonly isKilled: boolean;
  readonly hasStarted: boolean;
  readonly wasClosing: boolean;
}

interface Place {
  readonly program: string;
  readonly dir: string;
  readonly prefix: string;
}

async function liveAndDie({ program, dir, prefix }: Place, books: Books, random: Random): Promise<Death> {
  const manner = random.pick(["start", "load", "load", "close", "outside"] as const);
  const isClosing = manner === "close";
  const most = { start: 60, load: 400, close: 12, outside: 0 }[manner];
  const operation = 1 + Math.floor(random.next() ** 2 * most);
  const killAt = manner === "outside" ? null : { operation, isAfter: random.chance(0.5), from: manner };
  const closeAfter = isClosing ? 1 + random.below(60) : null;
  const lines = killAt ? Number.POSITIVE_INFINITY : 1 + Math.floor(random.next() ** 2 * 700);
  const task = { dir, prefix, lanes, killAt, closeAfter };
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  let failure: unknown = null;
  let heard = 0;
  let hasStarted = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (failure) return;
    try {
      if (books.hear(line)) hasStarted = true;
    } catch (error) {
      failure = error;
      child.kill("SIGKILL");
    }
    heard += 1;
    if (heard === lines) child.kill("SIGKILL");
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on("error", reject).on("close", (...how) => resolve(how));
  });
  if (failure) throw failure;
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the load ended with ${code}: ${complaint}`);
  return { isKilled: signal === "SIGKILL", hasStarted, wasClosing: isClosing };
}
