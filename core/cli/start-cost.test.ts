/** What is typed a hundred times a day starts quickly: neither schemas nor plugins are loaded for it. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

/** Packages that a module brings in before anybody has asked for more: along imports that are not of types alone. */
async function packagesFrom(start: URL): Promise<readonly string[]> {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const waiting = [start.href];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const source = await readFile(new URL(next), "utf8");
    for (const [, specifier = ""] of source.matchAll(/^(?:import|export)(?! type\b)[^"';]*?\bfrom "([^"]+)";$/gm)) {
      if (specifier.startsWith(".")) waiting.push(new URL(specifier, next).href);
      else if (!specifier.startsWith("node:")) packages.add(specifier);
    }
  }
  return [...packages].sort();
}

it.each([
  ["the command line", "program.ts", ["commander"]],
  ["the queue's commands", "commands/queue.ts", ["yaml"]],
  ["mailq", "mailq.ts", []],
])("%s", async (_, file, packages) => {
  expect(await packagesFrom(new URL(file, import.meta.url))).toEqual(packages);
});
