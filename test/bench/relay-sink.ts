/** Where relayed messages go: Postfix's smtp-sink, which takes everything and counts it. One for each server under measurement, for all its rounds. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface RelaySink {
  /** Messages that have come. */
  readonly received: number;
  /** Resolves when so many have come in all. */
  until(messages: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startRelaySink(port: number): Promise<RelaySink> {
  const privileges = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn("smtp-sink", [...privileges, "-4", "-c", `127.0.0.1:${port}`, "1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let received = 0;
  let counters = "";
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    counters = `${counters}${text}`.slice(-200);
    const last = counters.slice(0, counters.lastIndexOf("\r")).match(/mesg=(\d+)\s*$/);
    if (last) received = Number(last[1]);
  });
  while (!(await isListening(port))) await sleep(10);
  return {
    get received() {
      return received;
    },
    async until(messages) {
      while (received < messages) {
        if (child.exitCode !== null) throw new Error(`smtp-sink ended after ${received} messages`);
        await sleep(5);
      }
    },
    async stop() {
      child.kill("SIGTERM");
      await closed;
    },
  };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  const isThere = await Promise.race([
    once(socket, "connect").then(() => true),
    once(socket, "error").then(
      () => false,
      () => false,
    ),
  ]).catch(() => false);
  socket.destroy();
  return isThere;
}
