/**
 * `subscriptions` beside the INBOX, in Dovecot's version 2 (`V<tab>2`, then names by tabs) or as plain lines of version 1; a file keeps
 * its version, as with Dovecot. Changes are made under `subscriptions.lock`, by a rename.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { StoreError } from "postern/plugin";
import { courierSubscriptions } from "./courier.ts";
import { dotlock } from "./dotlock.ts";
import { errnoOf } from "./errors.ts";
import { decodedStep, type Layout, spellingOf } from "./folder-name.ts";
import type { MailboxTree } from "./mailbox-tree.ts";
import { shareFile } from "./permissions.ts";

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
    shareFile(temporary, dirname(path));
    renameSync(temporary, path);
  } finally {
    lock.release();
  }
}

const unescapeTab = (text: string): string =>
  text.replace(/\x01(.)/g, (_, code: string) => ({ "0": "\0", "1": "\x01", t: "\t", r: "\r", n: "\n" })[code] ?? code);

interface Subscriptions {
  readonly version: 1 | 2;
  readonly names: readonly string[];
  /** Lines that stand for no mailbox we could show: kept. */
  readonly others: readonly string[];
}

/** Version 1 has the separator of the layout. */
const separatorOf = ({ kind }: Layout): string => (kind === "fs" ? "/" : ".");

export function parseSubscriptions(text: string, layout: Layout): Subscriptions {
  const isSecond = text.startsWith(HEADER);
  const separator = isSecond ? "\t" : separatorOf(layout);
  const names = new Set<string>();
  const others: string[] = [];
  for (const line of text.slice(isSecond ? HEADER.length : 0).split("\n")) {
    if (line === "") continue;
    const steps = line.split(separator).map((step) => decodedStep(isSecond ? unescapeTab(step) : step, layout));
    if (steps.every((step) => step !== "" && !step.includes("/"))) names.add(steps.join("/"));
    else others.push(line);
  }
  return { version: isSecond || text === "" ? 2 : 1, names: [...names], others };
}

function formatted({ version, names, others }: Subscriptions, layout: Layout): string {
  const separator = version === 2 ? "\t" : separatorOf(layout);
  const lines = names.map((name) =>
    name
      .split("/")
      .map((step) => spellingOf(step, layout))
      .join(separator),
  );
  return `${version === 2 ? HEADER : ""}${[...others, ...lines].map((line) => `${line}\n`).join("")}`;
}

const placeOf = ({ root }: MailboxTree): string => join(root, "subscriptions");

/** Before there is a file of our own, Courier's counts. */
function beforeIn(tree: MailboxTree, text: string): Subscriptions {
  const courier = text === "" && !existsSync(placeOf(tree)) ? courierSubscriptions(tree.root) : null;
  if (!courier) return parseSubscriptions(text, tree.layout);
  const names = parseSubscriptions(`${courier.join("\n")}\n`, { ...tree.layout, kind: "maildir++" }).names;
  return { version: 2, names, others: [] };
}

export const subscribedIn = (tree: MailboxTree): readonly string[] => beforeIn(tree, readText(placeOf(tree))).names;

export function changeSubscription(tree: MailboxTree, name: string, isSubscribed: boolean): Promise<void> {
  return changeText(placeOf(tree), (text) => {
    const before = beforeIn(tree, text);
    const names = new Set(before.names);
    if (names.has(name) === isSubscribed) return text;
    if (isSubscribed) names.add(name);
    else names.delete(name);
    if (names.size > MAX_NAMES) throw new StoreError("limit", "Too many subscriptions");
    return formatted({ ...before, names: [...names] }, tree.layout);
  });
}
