/**
 * `subscriptions` beside the INBOX, in Dovecot's version 2 (`V<tab>2`, then names by tabs) or as plain lines of version 1, which
 * is read and then written as version 2. Changes are made under `subscriptions.lock`, by a rename.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "postern/plugin";
import { dotlock } from "./dotlock.ts";
import { errnoOf } from "./errors.ts";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";

const HEADER = "V\t2\n\n";
const MAX_NAMES = 100_000;

/** Text of a small file; empty if there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return "";
    throw cause;
  }
}

/** Changes a small file as a whole, one process at a time. */
export async function changeText(path: string, change: (text: string) => string): Promise<void> {
  const lock = await dotlock(`${path}.lock`, { waitMs: 10_000, staleMs: 60_000 });
  if (!lock) throw new StoreError("inUse", "Locked by another program");
  try {
    const before = readText(path);
    const after = change(before);
    if (after === before) return;
    const temporary = `${path}.tmp.${process.pid}`;
    writeFileSync(temporary, after, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } finally {
    lock.release();
  }
}

const unescapeTab = (text: string): string =>
  text.replace(/\x01(.)/g, (_, code: string) => ({ "0": "\0", "1": "\x01", t: "\t", r: "\r", n: "\n" })[code] ?? code);

export function parseSubscriptions(text: string): readonly string[] {
  const isSecond = text.startsWith(HEADER);
  const separator = isSecond ? "\t" : ".";
  const names = new Set<string>();
  for (const line of text.slice(isSecond ? HEADER.length : 0).split("\n")) {
    if (line === "") continue;
    const steps = line.split(separator).map((step) => (isSecond ? unescapeTab(step) : step));
    const decoded = steps.map(decodeModifiedUtf7);
    if (decoded.every((step) => step !== null && step !== "")) names.add(decoded.join("/"));
  }
  return [...names];
}

const formatted = (names: readonly string[]): string =>
  HEADER + names.map((name) => `${name.split("/").map(encodeModifiedUtf7).join("\t")}\n`).join("");

export const subscribedIn = (root: string): readonly string[] =>
  parseSubscriptions(readText(join(root, "subscriptions")));

export function changeSubscription(root: string, name: string, isSubscribed: boolean): Promise<void> {
  return changeText(join(root, "subscriptions"), (text) => {
    const names = new Set(parseSubscriptions(text));
    if (names.has(name) === isSubscribed) return text;
    if (isSubscribed) names.add(name);
    else names.delete(name);
    if (names.size > MAX_NAMES) throw new StoreError("limit", "Too many subscriptions");
    return formatted([...names]);
  });
}
