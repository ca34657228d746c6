/** Files with a target or several a line: `:include:` and `.forward`. Mistakes are told with file and line. */
import { type AliasTarget, parseAliasList } from "postern/mail";

export interface Targets {
  readonly targets: readonly AliasTarget[];
  readonly mistakes: readonly string[];
}

export function parseListFile(path: string, text: string): Targets {
  const targets: AliasTarget[] = [];
  const mistakes: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const list = parseAliasList(line);
    targets.push(...list.targets);
    mistakes.push(...list.mistakes.map((mistake) => `${path}:${index + 1}: ${mistake}`));
  }
  return { targets, mistakes };
}
