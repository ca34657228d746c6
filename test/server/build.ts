/** Whole-server tests run the built command line: this builds it first where a source file is newer than the build. */
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export default function setup(): void {
  const built = statSync(join(root, "dist/core/cli/bin.js"), { throwIfNoEntry: false });
  const newest = Math.max(...["core", "plugins"].map((directory) => newestSource(join(root, directory))));
  if (built && built.mtimeMs >= newest) return;
  const { status, stdout } = spawnSync("npm", ["run", "--silent", "build"], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed:\n${stdout}`);
}

function newestSource(directory: string): number {
  let newestMs = 0;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) newestMs = Math.max(newestMs, newestSource(path));
    else if (/(?<!\.test)\.ts$/.test(entry.name)) newestMs = Math.max(newestMs, statSync(path).mtimeMs);
  }
  return newestMs;
}
