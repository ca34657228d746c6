/**
 * Runs one program: its own process group, a clean environment, a time limit after which the whole group is killed, and a bound on what is
 * kept of its output. The content goes to its standard input. Never rejects: how it ended is the answer.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

export interface ProgramRequest {
  readonly argv: readonly [string, ...string[]];
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeLimitMs: number;
  readonly content: () => AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

export type ProgramEnd =
  /** `output`: what it said, on both outputs, up to a bound. */
  | { readonly at: "exited"; readonly code: number; readonly output: string }
  | { readonly at: "killed"; readonly signal: string; readonly output: string }
  | { readonly at: "tooLong" | "cut" }
  /** It was not run, or the message could not be read. */
  | { readonly at: "broken"; readonly cause: unknown };

const OUTPUT_LIMIT = 4 * 1024;
/** What it leaves behind may hold its outputs open: nobody waits for that. */
const OUTPUT_AFTER_EXIT_MS = 1_000;

export async function runProgram(request: ProgramRequest): Promise<ProgramEnd> {
  if (request.signal.aborted) return { at: "cut" };
  const { argv, owner, directory, environment } = request;
  const [program, ...args] = argv;
  try {
    const child = spawn(program, args, {
      cwd: directory,
      env: environment,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      shell: false,
      ...(owner && { uid: owner.uid, gid: owner.gid }),
    });
    const started = new Promise<unknown>((resolve) => {
      child.once("spawn", () => resolve(null));
      child.once("error", resolve);
    });
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    const fault = await started;
    if (fault !== null) return { at: "broken", cause: fault };
    // From here on it is a failure of kill or the like, which the time limit is for.
    child.on("error", () => undefined);
    return await attend(request, { pid: child.pid ?? 0, ended, ...streamsOf(child) });
  } catch (cause) {
    return { at: "broken", cause };
  }
}

interface Running {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly stdin: Writable;
  readonly outputs: readonly Readable[];
}

const streamsOf = ({ stdin, stdout, stderr }: { stdin: Writable; stdout: Readable; stderr: Readable }) => ({
  stdin,
  outputs: [stdout, stderr],
});

async function attend(request: ProgramRequest, { pid, ended, stdin, outputs }: Running): Promise<ProgramEnd> {
  let stop: ProgramEnd | null = null;
  const halt = (how: ProgramEnd): void => {
    stop ??= how;
    killGroup(pid);
  };
  const timer = setTimeout(() => halt({ at: "tooLong" }), request.timeLimitMs);
  const onAbort = (): void => halt({ at: "cut" });
  request.signal.addEventListener("abort", onAbort, { once: true });
  const said = collect(outputs);
  const feeding = feed(stdin, request.content).catch((cause: unknown) => halt({ at: "broken", cause }));
  try {
    const { code, signal } = await ended;
    stdin.destroy();
    await feeding;
    const output = await said.text();
    // A program that has exited has said what became of the message, whatever came just after: it must not run twice.
    if (code !== null) return { at: "exited", code, output };
    return stop ?? { at: "killed", signal: signal ?? "a signal", output };
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", onAbort);
    for (const output of outputs) output.destroy();
  }
}

/** A program that does not read everything has read what it wanted. Rejects if the message cannot be read. */
async function feed(stdin: Writable, content: ProgramRequest["content"]): Promise<void> {
  let isClosed = false;
  const closed = new Promise<void>((resolve) => {
    const onClose = (): void => {
      isClosed = true;
      resolve();
    };
    stdin.once("close", onClose);
    stdin.on("error", onClose);
  });
  for await (const piece of content()) {
    if (isClosed) return;
    if (!stdin.write(Buffer.from(piece))) await Promise.race([once(stdin, "drain").catch(() => undefined), closed]);
  }
  if (!isClosed) stdin.end();
}

function collect(outputs: readonly Readable[]): { text(): Promise<string> } {
  const pieces: Buffer[] = [];
  let size = 0;
  const all = outputs.map(
    (output) =>
      new Promise<void>((resolve) => {
        output.on("data", (piece: Buffer) => {
          if (size < OUTPUT_LIMIT) pieces.push(piece.subarray(0, OUTPUT_LIMIT - size));
          size += piece.length;
        });
        output.on("error", () => resolve());
        output.once("close", () => resolve());
      }),
  );
  return {
    async text() {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, OUTPUT_AFTER_EXIT_MS);
      });
      await Promise.race([Promise.all(all), patience]);
      clearTimeout(timer);
      return Buffer.concat(pieces).toString("utf8");
    },
  };
}

function killGroup(pid: number): void {
  try {
    if (pid > 0) process.kill(-pid, "SIGKILL");
  } catch (cause) {
    // Nobody of it is left.
    if (!(cause instanceof Error && "code" in cause && cause.code === "ESRCH")) throw cause;
  }
}
