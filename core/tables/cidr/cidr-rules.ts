/**
 * The lines of cidr_table(5): `network/prefix result`, `!network/prefix result`, and blocks from `if` to `endif`. A bad line is
 * reported and left out; a block whose condition is bad is left out as a whole.
 */
import ipaddr from "ipaddr.js";
import type { TableMistake } from "../../contracts/tables.ts";
import { type LogicalLines, shown } from "../logical-lines.ts";

export interface CidrNetwork {
  readonly family: 4 | 6;
  readonly bits: number;
  /** The network's address as a number. */
  readonly base: bigint;
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

export function parseCidrRules({ lines, mistakes: ofLines }: LogicalLines): CidrRules {
  const mistakes: TableMistake[] = [...ofLines];
  const outermost: Block = { head: null, line: 0, rules: [] };
  const open: Block[] = [outermost];
  const close = ({ head, line, rules }: Block) => {
    if (head) open.at(-1)?.rules.push({ ...head, line, result: null, rules });
  };
  for (const { line, text } of lines) {
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
      const [, network = "", result = ""] = /^(!?\s*\S+)\s*(.*)$/s.exec(text) ?? [];
      const head = parseHead(network);
      if (typeof head === "string") note(`${head}; ${shown(text)} is left out`);
      else if (result === "") note(`there is no result behind the network; ${shown(text)} is left out`);
      else open.at(-1)?.rules.push({ ...head, line, result, rules: null });
    }
  }
  for (let block = open.pop(); block && block !== outermost; block = open.pop()) {
    mistakes.push({ line: block.line, text: "if without its endif; it goes to the end" });
    close(block);
  }
  return { rules: outermost.rules, mistakes };
}

function parseHead(text: string): RuleHead | string {
  const marks = text.startsWith("!") ? (/^(?:!\s*)*/.exec(text)?.[0] ?? "") : "";
  const network = parseCidr(text.slice(marks.length));
  return typeof network === "string" ? network : { network, isNegated: marks.replace(/\s/g, "").length % 2 === 1 };
}

function parseCidr(text: string): CidrNetwork | string {
  const [, host = "", mask] = /^\[?([^\]/\s]*)\]?(?:\/(.*))?$/s.exec(text) ?? [];
  const address = parseClient(host);
  if (!address) return `${shown(text)} is no network`;
  const { family, value } = address;
  const size = family === 4 ? 32 : 128;
  if (mask === undefined) return { family, bits: size, base: value };
  const bits = /^\d{1,3}$/.test(mask) ? Number(mask) : Number.NaN;
  if (!(bits >= 0 && bits <= size)) return `the prefix of ${shown(text)} goes from 0 to ${size}`;
  if (masked(value, family, bits) !== value) return `${shown(text)} has bits behind its prefix`;
  return { family, bits, base: value };
}

/** A client's address; `null` for what is none. An IPv4-mapped one stays IPv6, as in Postfix. */
export function parseClient(text: string): { readonly family: 4 | 6; readonly value: bigint } | null {
  const quad = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (quad) {
    let value = 0;
    for (const octet of quad.slice(1)) {
      if (Number(octet) > 255 || (octet.length > 1 && octet.startsWith("0"))) return null;
      value = value * 256 + Number(octet);
    }
    return { family: 4, value: BigInt(value) };
  }
  if (!text.includes(":") || text.includes("%") || !ipaddr.IPv6.isValid(text)) return null;
  let value = 0n;
  for (const group of ipaddr.IPv6.parse(text).parts) value = (value << 16n) | BigInt(group);
  return { family: 6, value };
}

export function masked(value: bigint, family: 4 | 6, bits: number): bigint {
  const behind = BigInt((family === 4 ? 32 : 128) - bits);
  return (value >> behind) << behind;
}
