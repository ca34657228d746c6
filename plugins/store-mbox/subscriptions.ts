/**
 * `.subscriptions` in the account's directory, in Dovecot's version 2 (`V<tab>2`, then names by tabs) or as plain lines of version 1, which
 * UW, Pine and older Dovecots write; a file keeps its version.
 */
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";
import { changeText, readText } from "./small-file.ts";

const HEADER = "V\t2\n\n";
const MAX_NAMES = 100_000;

const unescapeTab = (text: string): string =>
  text.replace(/\x01(.)/g, (_, code: string) => ({ "0": "\0", "1": "\x01", t: "\t", r: "\r", n: "\n" })[code] ?? code);

interface Subscriptions {
  readonly version: 1 | 2;
  readonly names: readonly string[];
  /** Lines that stand for no mailbox we could show: kept. */
  readonly others: readonly string[];
}

function parse(text: string): Subscriptions {
  const version = text.startsWith(HEADER) || text === "" ? 2 : 1;
  const names = new Set<string>();
  const others: string[] = [];
  for (const line of text.slice(text.startsWith(HEADER) ? HEADER.length : 0).split("\n")) {
    if (line === "") continue;
    const steps = version === 2 ? line.split("\t").map(unescapeTab) : line.split("/");
    const decoded = steps.map(decodeModifiedUtf7);
    if (decoded.every((step) => step !== null && step !== "" && !step.includes("/"))) names.add(decoded.join("/"));
    else others.push(line);
  }
  return { version, names: [...names], others };
}

function format({ version, names, others }: Subscriptions): string {
  const separator = version === 2 ? "\t" : "/";
  const lines = names.map((name) => name.split("/").map(encodeModifiedUtf7).join(separator));
  return `${version === 2 ? HEADER : ""}${[...others, ...lines].map((line) => `${line}\n`).join("")}`;
}

const placeOf = (root: string): string => join(root, ".subscriptions");

export const subscribedIn = (root: string): readonly string[] => parse(readText(placeOf(root))).names;

export function changeSubscription(root: string, name: string, isSubscribed: boolean): Promise<void> {
  return changeText(placeOf(root), (text) => {
    const before = parse(text);
    const names = new Set(before.names);
    if (names.has(name) === isSubscribed) return text;
    if (isSubscribed) names.add(name);
    else names.delete(name);
    if (names.size > MAX_NAMES) throw new StoreError("limit", "Too many subscriptions");
    return format({ ...before, names: [...names] });
  });
}
