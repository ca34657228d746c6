/**
 * What every match of a pattern has in it, letter by letter: so that a text without it need not be looked at by an automaton.
 * Small letters stand for both cases; only for texts of ASCII.
 */
import type { Node } from "./syntax-tree.ts";

/** One of them stands in every match. */
export type Literals = readonly [string, ...string[]];

/** Shorter ones stand in too many texts to be of use. */
const USEFUL_LENGTH = 3;
const ALTERNATIVES = 16;

/** `null`: nothing is certain. */
export function literalsOf(node: Node): Literals | null {
  const found = required(node);
  return found.best !== null && shortest(found.best) >= USEFUL_LENGTH ? found.best : null;
}

interface Required {
  /** What the node is, if it is nothing but these letters. */
  readonly exact: string | null;
  readonly best: Literals | null;
}

const nothing: Required = { exact: null, best: null };
const exactly = (exact: string): Required => ({ exact, best: exact === "" ? null : [exact] });

function required(node: Node): Required {
  switch (node.is) {
    case "char":
      return node.code < 0x80 ? exactly(String.fromCharCode(node.code).toLowerCase()) : nothing;
    case "start":
    case "end":
    case "lineStart":
    case "lineEnd":
    case "wordEdge":
    case "noWordEdge":
    case "wordStart":
    case "wordEnd":
    case "look":
      return exactly("");
    case "group":
    case "atomic":
      return required(node.node);
    case "sequence":
      return ofSequence(node.nodes.map(required));
    case "choice":
      return ofChoice(node.nodes.map(required));
    case "repeat":
      return { exact: null, best: node.least > 0 ? required(node.node).best : null };
    case "set":
    case "property":
    case "reference":
      return nothing;
  }
}

function ofSequence(parts: readonly Required[]): Required {
  let best: Literals | null = null;
  let run = "";
  let isExact = true;
  const offer = (literals: Literals | null) => {
    if (literals !== null && (best === null || shortest(literals) > shortest(best))) best = literals;
  };
  for (const { exact, best: inner } of parts) {
    if (exact !== null) {
      run += exact;
      continue;
    }
    isExact = false;
    if (run !== "") offer([run]);
    run = "";
    offer(inner);
  }
  if (isExact) return exactly(run);
  if (run !== "") offer([run]);
  return { exact: null, best };
}

/** Each way must have something, or nothing is certain of the whole. */
function ofChoice(ways: readonly Required[]): Required {
  const all = ways.map(({ best }) => best);
  if (all.includes(null)) return nothing;
  const [first, ...rest] = all.flatMap((literals) => literals ?? []);
  return { exact: null, best: first !== undefined && rest.length < ALTERNATIVES ? [first, ...rest] : null };
}

const shortest = (literals: Literals): number => Math.min(...literals.map(({ length }) => length));
