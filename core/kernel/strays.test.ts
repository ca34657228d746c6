/** Promises that nobody waited for and throws in timers: logged with their plugin, and the process lives on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-strays-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program in a process of its own, as strays end in the runner's lap otherwise. */
async function run(program: string): Promise<readonly { entry: string | null; fault: string; cause: string }[]> {
  const file = join(folder, "program.mts");
  await writeFile(
    file,
    `import { installStrayFaultGuard, trackStrays } from ${at("./strays.ts")};
     import { keptLog, kernelOf } from ${at("../testing/kernel.ts")};
     import { sessionOf } from ${at("../testing/mail.ts")};
     import { proceed } from ${at("./verdicts.ts")};
     const { log, lines } = keptLog();
     installStrayFaultGuard(log);
     const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
     ${program}
     console.log(JSON.stringify(lines.map(({ fields }) => fields)));`,
  );
  const tsx = new URL("../../node_modules/tsx/dist/esm/index.mjs", import.meta.url).href;
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const child = spawn(process.execPath, ["--import", tsx, file], { cwd, stdio: ["ignore", "pipe", "inherit"] });
  const [out] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return JSON.parse(out);
}

it("tells whose a stray is once it tracks them, by what ran it and not by its stack", async () => {
  const lines = await run(`
    const stray = (name, leave) => ({ name, api: 1, setup: () => ({ hooks: { helo() { leave(); return proceed; } } }) });
    trackStrays();
    const kernel = await kernelOf(
      stray("policy-a", () => { tick().then(() => Promise.reject("rejected without a stack")); }),
      stray("policy-b", () => { setTimeout(() => { throw new Error("thrown in a timer"); }, 1); }),
    );
    kernel.policy("helo", sessionOf(), "x");
    while (lines.length < 2) await tick();`);
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(
    expect.objectContaining({ entry: "policy-a", fault: "rejection", cause: "rejected without a stack" }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({ entry: "policy-b", fault: "exception", cause: "Error: thrown in a timer" }),
  );
});

it("tells whose the first one is by its stack, and starts tracking then", async () => {
  const lines = await run(`
    const { writeFile } = await import("node:fs/promises");
    const { join, dirname } = await import("node:path");
    const { fileURLToPath } = await import("node:url");
    const file = join(dirname(fileURLToPath(import.meta.url)), "plugin.mjs");
    await writeFile(file, "export const leave = async () => { await null; throw new Error('stray'); };");
    const { leave } = await import(file);
    const plugin = (name, run) => ({ name, api: 1, setup: () => ({ hooks: { helo() { run(); return proceed; } } }) });
    const kernel = await kernelOf(
      [plugin("policy-a", leave), {}, { file }],
      [plugin("policy-b", () => { if (lines.length > 0) Promise.reject("no stack"); }), {}],
    );
    kernel.policy("helo", sessionOf(), "x");
    while (lines.length < 1) await tick();
    kernel.policy("helo", sessionOf(), "x");
    while (lines.length < 3) await tick();`);
  expect(lines.map(({ entry }) => entry).toSorted()).toEqual(["policy-a", "policy-a", "policy-b"]);
});
