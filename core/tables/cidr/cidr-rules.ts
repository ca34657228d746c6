/**
 * The lines of cidr_table(5): `network/prefix result`, `!network/prefix result`, and blocks from `if` to `endif`. A bad line is
 * reported and left out; a block whose condition is bad is left out as a whole.
 */
import type { TableMistake } from "../../contracts/tables.ts";
import { type LogicalLines, shown } from "../logical-lines.ts";
import { ROWS_A_SLICE, type Slices } from "../slices.ts";
import { bitsOf, type Family, networkKey, parseClient } from "./client-address.ts";

export interface CidrNetwork {
  readonly family: Family;
  readonly bits: number;
  /** See `networkKey`. */
  readonly key: string;
}

interface RuleHead {
  readonly network: CidrNetwork;
  readonly isNegated: boolean;
}
export type CidrRule =
  | (RuleHead & { readonly line: number; readonly result: string; readonly rules: null })
  | (RuleHead & { readonly line: number; readonly result: null; readonly rules: readonly CidrRule[] });

export interface CidrRules {
  readonly rules: readonly CidrRule[];
  readonly mistakes: readonly TableMistake[];
}

interface Block {
  readonly head: RuleHead | null;
  readonly line: number;
  readonly rules: CidrRule[];
}

export function* parseCidrRules({ lines, mistakes }: LogicalLines): Slices<CidrRules> {
  const outermost: Block = { head: null, line: 0, rules: [] };
  const open: Block[] = [outermost];
  const close = ({ head, line, rules }: Block) => {
    if (head) open.at(-1)?.rules.push({ ...head, line, result: null, rules });
  };
  let rows = 0;
  for (const { line, text } of lines) {
    rows += 1;
    if (rows % ROWS_A_SLICE === 0) yield;
    const note = (what: string) => mistakes.push({ line, text: what });
    const isWord = /^[ei]/i.test(text);
    if (isWord && /^endif(?![A-Za-z0-9])/i.test(text)) {
      if (text.length > 5) note(`there is text behind endif; ${shown(text)} is left out`);
      else if (open.length === 1) note("endif without its if; it is left out");
      else {
        const block = open.pop();
        if (block) close(block);
      }
    } else if (isWord && /^if(?![A-Za-z0-9])/i.test(text)) {
      const head = parseHead(text.slice(2).trimStart());
      if (typeof head === "string") note(`${head}; all from here to its endif is left out`);
      open.push({ head: typeof head === "string" ? null : head, line, rules: [] });
    } else {
      const end = endOfNetwork(text);
      const result = text.slice(end).trimStart();
      const head = parseHead(text.slice(0, end));
      if (typeof head === "string") note(`${head}; ${shown(text)} is left out`);
      else if (result === "") note(`there is no result behind the network; ${shown(text)} is left out`);
      else {
        const { network, isNegated } = head;
        open.at(-1)?.rules.push({ network, isNegated, line, result, rules: null });
      }
    }
  }
  for (let block = open.pop(); block && block !== outermost; block = open.pop()) {
    mistakes.push({ line: block.line, text: "if without its endif; it goes to the end" });
    close(block);
  }
  return { rules: outermost.rules, mistakes };
}

/** White space may stand behind an exclamation mark. */
function endOfNetwork(text: string): number {
  const start = text.startsWith("!") ? text.search(/[^!\s]/) : 0;
  const length = start < 0 ? -1 : text.slice(start).search(/\s/);
  return length < 0 ? text.length : start + length;
}

function parseHead(text: string): RuleHead | string {
  if (!text.startsWith("!")) {
    const network = parseCidr(text);
    return typeof network === "string" ? network : { network, isNegated: false };
  }
  const marks = /^(?:!\s*)*/.exec(text)?.[0] ?? "";
  const network = parseCidr(text.slice(marks.length));
  return typeof network === "string" ? network : { network, isNegated: marks.replace(/\s/g, "").length % 2 === 1 };
}

function parseCidr(text: string): CidrNetwork | string {
  const slash = text.indexOf("/");
  const written = slash < 0 ? text : text.slice(0, slash);
  const mask = slash < 0 ? undefined : text.slice(slash + 1);
  const address = parseClient(written.startsWith("[") ? written.slice(1).replace(/\]$/, "") : written);
  if (!address) return `${shown(text)} is no network`;
  const { family } = address;
  const size = bitsOf(family);
  const whole = networkKey(address, size);
  if (mask === undefined) return { family, bits: size, key: whole };
  const bits = /^\d{1,3}$/.test(mask) ? Number(mask) : Number.NaN;
  if (!(bits >= 0 && bits <= size)) return `the prefix of ${shown(text)} goes from 0 to ${size}`;
  const key = networkKey(address, bits);
  return key === whole ? { family, bits, key } : `${shown(text)} has bits behind its prefix`;
}
