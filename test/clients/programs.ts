/**
 * Real programs for whole-server tests. Where one is missing its tests are passed over by name; under CI=true they fail.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { describe, it } from "vitest";

const DIRECTORIES = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const environment = { ...process.env, PATH: [process.env.PATH ?? "", ...DIRECTORIES].join(":") };

const isInstalled = (program: string): boolean =>
  spawnSync("sh", ["-c", `command -v ${program}`], { env: environment }).status === 0;

/** A `describe` that needs programs. */
export function describeWith(programs: readonly string[], name: string, tests: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) describe(name, tests);
  else if (process.env.CI === "true")
    describe(name, () =>
      it(`needs ${missing.join(", ")}`, () => Promise.reject(new Error(`not installed: ${missing.join(", ")}`))),
    );
  else describe.skip(`${name} (not installed: ${missing.join(", ")})`, tests);
}

export interface RunResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came. */
  readonly output: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end. A program that hangs is killed and answers `exitCode: null`. */
export function run(
  program: string,
  args: readonly string[],
  { input = "", env = {}, cwd, timeoutMs = 180_000 }: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { env: { ...environment, LC_ALL: "C.UTF-8", ...env }, cwd });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const collected = collect(child);
    child.on("error", reject).on("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, ...collected() });
    });
    child.stdin.on("error", () => child.stdin.destroy()).end(input);
  });
}

function collect(child: ChildProcess): () => Omit<RunResult, "exitCode"> {
  const texts = { stdout: "", stderr: "", output: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      texts.output += text;
    });
  }
  return () => texts;
}
