/** Where relayed messages go: Postfix's smtp-sink, which takes everything and ends after so many messages. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface RelaySink {
  /** Resolves when all have come. */
  readonly full: Promise<void>;
}

export async function startRelaySink(port: number, messages: number): Promise<RelaySink> {
  const privileges = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn("smtp-sink", [...privileges, "-4", "-M", String(messages), `127.0.0.1:${port}`, "1000"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const full = once(child, "close").then(() => undefined);
  while (!(await isListening(port))) await sleep(10);
  return { full };
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
