/** `:include:` files put in the place of their names, to a bounded depth and number. They hold addresses and further lists only. */
import type { AliasTarget } from "postern/mail";
import { parseListFile, type Targets } from "./list-file.ts";
import { readTrusted } from "./trusted-file.ts";

const MAX_BYTES = 1024 * 1024;
const FILES_LIMIT = 50;

export async function withIncludes(list: Targets, isAllowed: boolean): Promise<Targets> {
  const targets: AliasTarget[] = [];
  const mistakes: string[] = [...list.mistakes];
  const seen = new Set<string>();
  const waiting = list.targets.map((target) => ({ target, from: null as string | null })).reverse();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { target, from } = next;
    if (target.kind !== "include") {
      // A list may be somebody's who is not to run programs here.
      if (from === null || target.kind === "address") targets.push(target);
      else mistakes.push(`${from}: commands and files have no place in an :include: file`);
      continue;
    }
    if (!isAllowed) mistakes.push(`:include:${target.path} is not allowed (allow: [includes])`);
    else if (!seen.has(target.path)) {
      if (seen.size >= FILES_LIMIT) return { targets, mistakes: [...mistakes, "includes more files than it may"] };
      seen.add(target.path);
      const file = await readTrusted(target.path, { maxBytes: MAX_BYTES });
      if (file.at === "missing") mistakes.push(`:include:${target.path} does not exist`);
      else if (file.at === "fault") mistakes.push(`:include:${file.reason}`);
      else {
        const inside = parseListFile(target.path, file.text);
        mistakes.push(...inside.mistakes);
        waiting.push(...inside.targets.map((one) => ({ target: one, from: target.path })).reverse());
      }
    }
  }
  return { targets, mistakes };
}
