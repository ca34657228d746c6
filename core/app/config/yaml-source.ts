/** YAML 1.2, and JSON with it, read with positions. Answers with every syntax error at once; never throws. */
import { type Document, isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Path } from "../../kernel/load/path.ts";
import type { Problem } from "../../kernel/load/validate.ts";
import type { Slip } from "./mistake.ts";
import type { Position, Source } from "./source.ts";

type ParsedYaml =
  | { readonly ok: true; readonly value: unknown; readonly locate: Source["locate"] }
  | { readonly ok: false; readonly slips: readonly (Slip & { readonly position: Position | null })[] };

export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  // An unknown tag is a warning to the parser; here it is a value that means nothing.
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const slips = problems.map(({ message, pos: [offset] }) => ({
      path: [],
      text: message.split("\n", 1)[0] ?? "bad syntax",
      expected: "YAML or JSON",
      position: positionOf(offset, lines),
    }));
    return { ok: false, slips };
  }
  try {
    // A limit on aliases: ten lines of them can stand for gigabytes.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return { ok: true, value, locate: (path, at) => locate(document, path, at, lines) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { ok: false, slips: [{ path: [], text, expected: "YAML or JSON", position: null }] };
  }
}

function positionOf(offset: number, lines: LineCounter): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function locate(document: Document, path: Path, at: Problem["at"], lines: LineCounter): Position | null {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part));
      if (!isPair(pair) || !isNode(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
      // A word stands beside its key, a list or table below it: the key is the better place then.
      if (isLast && at === "value" && isScalar(node)) offset = node.range?.[0] ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return positionOf(offset, lines);
}
