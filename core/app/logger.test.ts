import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const logger = fileURLToPath(new URL("./logger.ts", import.meta.url));
/** Writes `count` lines of a kilobyte, says so, then writes one more whenever it is told to, and ends when told so. */
const script = `
const { createLog } = await import(${JSON.stringify(logger)});
const log = await createLog({ level: "info", pretty: false });
const text = "x".repeat(1024);
for (let line = 0; line < Number(process.argv[1]); line += 1) log.info({ line }, text);
process.on("message", (order) => {
  if (order === "end") process.exit(0);
  log.info("one more");
});
process.send("written");
`;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function startWriter(lines: number) {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script, String(lines)], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  cleanUps.push(async () => {
    child.stdout?.resume();
    if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await once(child, "exit");
  });
  return child;
}

describe("the log", () => {
  it("waits for no reader, and says how many lines a slow one has missed", async () => {
    const child = startWriter(20_000);
    // 20 MiB into a pipe that nobody reads.
    expect(await once(child, "message")).toEqual(["written", undefined]);
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    let read = 0;
    for await (const line of lines) {
      read += 1;
      const { msg, lines: dropped } = JSON.parse(line) as { msg: string; lines?: number };
      if (!msg.includes("dropped")) continue;
      expect(dropped).toBe(20_000 - (read - 1));
      break;
    }
    expect(read).toBeLessThan(20_000);
  });

  it("tells the time of each line to the millisecond", async () => {
    const before = Date.now();
    const child = startWriter(3);
    await once(child, "message");
    const times: number[] = [];
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      const { time } = JSON.parse(line) as { time: string };
      const atMs = Date.parse(time);
      expect(new Date(atMs).toISOString()).toBe(time);
      times.push(atMs);
      if (times.length === 3) child.send("end");
    }
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(times[0]).toBeGreaterThanOrEqual(before);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
  });

  it("is whole when the process ends by itself", async () => {
    const child = startWriter(1000);
    await once(child, "message");
    child.send("one more");
    child.send("end");
    const seen: string[] = [];
    for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
      seen.push((JSON.parse(line) as { msg: string }).msg);
    }
    expect(seen).toHaveLength(1001);
    expect(seen.at(-1)).toBe("one more");
  });
});
