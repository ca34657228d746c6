/**
 * Thousands of hostile sessions of generated kinds against one SMTP front over real sockets: none may break the process, make its
 * memory grow, leave a connection behind, or get a second message out of one. Throws with seed and number of the session.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { keptLog } from "../../core/testing/kernel.ts";
import { fixture } from "../../core/testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../../core/testing/smtp-front.ts";
import { type Plan, planOf, type Step } from "./hostile-plans.ts";
import { Random, seedOf } from "./random.ts";
import { checkKept, checkReplies } from "./smtp-checks.ts";
import { hold } from "./target.ts";

/** Sessions at once. */
const AT_ONCE = 40;
/** A client that waits for a reply in vain goes away. */
const PATIENCE_MS = 10_000;
/** What may be left behind in the end: caches that fill, code that was compiled. */
const GROWTH_BYTES = 24 * 1024 * 1024;

export interface HostileReport {
  readonly sessions: number;
  readonly kept: number;
  /** Sessions whose client said all it wanted to. */
  readonly played: number;
  readonly seconds: number;
  /** Heap and buffers behind a collection, after a tenth of the sessions and after all. */
  readonly memoryBeforeMiB: number;
  readonly memoryAfterMiB: number;
  readonly peakRssMiB: number;
}

export async function hostileSessions(of: {
  readonly seed: number;
  readonly sessions: number;
}): Promise<HostileReport> {
  const { log, lines } = keptLog();
  const server = await smtpTestServer({
    tls: "optional",
    plugins: [fixture],
    // Only errors are kept: the log is not what must not grow here.
    log: {
      ...log,
      debug() {},
      info() {},
      warn() {},
      child: () => ({ ...log, debug() {}, info() {}, warn() {}, child: () => log }),
    },
    config: { limits: { messageSizeBytes: 200_000, commandTimeoutMs: 30_000 } },
    drainMs: 0,
  });
  const strays: unknown[] = [];
  const onStray = (cause: unknown) => strays.push(cause);
  process.on("uncaughtException", onStray).on("unhandledRejection", onStray);
  const begun = performance.now();
  const tally = { kept: 0, played: 0, peak: 0 };
  try {
    const warmUp = Math.ceil(of.sessions / 10);
    await playAll(server, of.seed, 0, warmUp, tally);
    const before = await memory();
    await playAll(server, of.seed, warmUp, of.sessions, tally);
    await allGone(server);
    const after = await memory();
    hold(strays.length === 0, () => `a stray fault: ${String(strays[0])}`);
    const faults = lines.filter(({ level }) => level === "error");
    hold(
      faults.length === 0,
      () => `a fault in the log: ${JSON.stringify(faults[0])} ${String(faults[0]?.fields.err)}`,
    );
    hold(after - before < GROWTH_BYTES, () => `memory grew by ${mib(after - before)} MiB`);
    return {
      ...{ sessions: of.sessions, kept: tally.kept, played: tally.played },
      seconds: Math.round((performance.now() - begun) / 100) / 10,
      ...{ memoryBeforeMiB: mib(before), memoryAfterMiB: mib(after), peakRssMiB: mib(tally.peak) },
    };
  } finally {
    process.off("uncaughtException", onStray).off("unhandledRejection", onStray);
    await server.close();
  }
}

async function playAll(
  server: SmtpTestServer,
  seed: number,
  from: number,
  to: number,
  tally: { kept: number; played: number; peak: number },
): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    for (let number = next++; number < to; number = next++) {
      const random = new Random(seedOf(seed, number));
      const plan = planOf(random, number);
      const client = new HostileClient(server.port, plan, random);
      try {
        if (await client.play()) tally.played++;
        if (!client.isSecure) checkReplies(wholeLines(client.received));
      } catch (cause) {
        throw new Error(`${plan.kind}, seed ${seed}, session ${number}: ${String(cause)}`, { cause });
      }
      if (number % 200 === 0) tally.peak = Math.max(tally.peak, process.memoryUsage.rss());
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await allGone(server);
  const perSender = new Map<string, number>();
  for (const accepted of server.accepted.splice(0)) {
    const sender = accepted.envelope.reversePath ?? "";
    hold(/^s\d+@example\.net$/.test(sender), () => `seed ${seed}: a message from ${sender} was smuggled`);
    const count = (perSender.get(sender) ?? 0) + 1;
    hold(count === 1, () => `seed ${seed}: ${count} messages out of one, from ${sender}`);
    perSender.set(sender, count);
    checkKept(accepted);
    tally.kept++;
  }
}

/** A reset connection may lose the end of a reply. */
const wholeLines = (received: string): string => {
  const lines = received.slice(0, received.lastIndexOf("\r\n") + 2);
  const last = lines.lastIndexOf("\r\n", lines.length - 3) + 2;
  return lines[last + 3] === "-" ? "" : lines;
};

/** The server has let go of every connection. */
async function allGone(server: SmtpTestServer): Promise<void> {
  const until = performance.now() + 180_000;
  while (server.listener.connections > 0) {
    hold(performance.now() < until, () => `${server.listener.connections} connections are left`);
    await sleep(20);
  }
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

async function memory(): Promise<number> {
  for (let times = 0; times < 3; times++) {
    await nextTurn();
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const mib = (bytes: number): number => Math.round(bytes / 1024 / 102.4) / 10;

class HostileClient {
  readonly #plan: Plan;
  readonly #random: Random;
  #socket: Socket;
  received = "";
  isSecure = false;
  #seen = 0;
  #isGone = false;

  constructor(port: number, plan: Plan, random: Random) {
    this.#plan = plan;
    this.#random = random;
    this.#socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#listen();
  }

  /** Answers whether all steps were made. */
  async play(): Promise<boolean> {
    let isPlayed = true;
    for (const step of this.#plan.steps) {
      isPlayed = !this.#isGone && (await this.#do(step));
      if (!isPlayed) break;
    }
    // Whoever has not left by now says that it is done, and waits for the server's end.
    if (!this.#isGone) {
      this.#socket.resume();
      this.#socket.end();
      await this.#change(() => this.#isGone);
    }
    this.#socket.destroy();
    return isPlayed;
  }

  async #do(step: Step): Promise<boolean> {
    switch (step.do) {
      case "send":
        for (const piece of step.inPieces ? this.#random.cut(step.octets.subarray(0, 5000)) : [step.octets]) {
          this.#socket.write(piece);
          if (step.inPieces && this.#random.chance(0.2)) await nextTurn();
        }
        if (step.inPieces) this.#socket.write(step.octets.subarray(5000));
        return true;
      case "expect":
        await this.#change(() => this.#isGone || this.#reply() !== null);
        return this.#takeReply()?.startsWith(step.code) ?? false;
      case "stop reading":
        this.#socket.pause();
        return true;
      case "read on":
        this.#socket.resume();
        return true;
      case "wait":
        await sleep(step.ms);
        return true;
      case "tls":
        return this.#shakeHands();
      case "end":
        this.#socket.end();
        return true;
      case "reset":
        this.#socket.resetAndDestroy();
        this.#isGone = true;
        return true;
    }
  }

  async #shakeHands(): Promise<boolean> {
    this.#socket.removeAllListeners("data");
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    const isSecured = await Promise.race([
      once(secured, "secureConnect").then(
        () => true,
        () => false,
      ),
      once(secured, "close").then(() => false),
    ]);
    this.#socket = secured;
    this.isSecure = true;
    this.received = "";
    this.#seen = 0;
    this.#listen();
    return isSecured;
  }

  #listen(): void {
    const socket = this.#socket;
    const gone = () => {
      this.#isGone = true;
      this.#wake();
    };
    socket.on("error", gone).on("end", gone).on("close", gone);
    socket.on("data", (chunk: Buffer) => {
      if (this.received.length < 200_000) this.received += chunk.toString("latin1");
      this.#wake();
    });
  }

  /** The end of the next whole reply. */
  #reply(): RegExpExecArray | null {
    return /^\d{3}(?: [^\n]*)?\r\n/m.exec(this.received.slice(this.#seen));
  }

  #takeReply(): string | null {
    const match = this.#reply();
    if (match === null) return null;
    this.#seen += match.index + match[0].length;
    return match[0];
  }

  #wake: () => void = () => undefined;

  async #change(isSo: () => boolean): Promise<void> {
    const timer = setTimeout(() => {
      this.#socket.destroy();
      this.#isGone = true;
      this.#wake();
    }, PATIENCE_MS);
    while (!isSo() && !this.#isGone) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
  }
}
