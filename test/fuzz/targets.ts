/** All targets: each file in `targets/` is one. */
import { readdirSync } from "node:fs";
import type { Target } from "./target.ts";

const directory = new URL("targets/", import.meta.url);

export async function findTargets(): Promise<readonly Target[]> {
  const files = readdirSync(directory).filter((file) => file.endsWith(".ts"));
  return Promise.all(
    files.sort().map(async (file) => {
      const { target } = (await import(new URL(file, directory).href)) as { readonly target: Target };
      if (`${target.name}.ts` !== file) throw new Error(`${file} has the target ${target.name}`);
      return target;
    }),
  );
}
