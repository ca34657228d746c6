/**
 * The list of subscribed mailboxes in Dovecot's version 2 (`V<tab>2`, then names by tabs) or as plain lines of version 1, which UW, Pine,
 * Courier and older Dovecots write; a file keeps its version. Lines that stand for no mailbox are kept.
 */
import { StoreError } from "../contracts/mailbox-store.ts";
import { changeText } from "./small-file.ts";

const HEADER = "V\t2\n\n";
const MAX_NAMES = 100_000;

export interface Subscriptions {
  readonly version: 1 | 2;
  readonly names: readonly string[];
  /** Lines that stand for no mailbox we could show: kept. */
  readonly others: readonly string[];
}

/** How the steps of a name are written. */
export interface NameSpelling {
  /** Between the steps, in version 1. */
  readonly separator: string;
  encode(step: string): string;
  /** `null`: no name of ours. */
  decode(text: string): string | null;
}

const unescapeTab = (text: string): string =>
  text.replace(/\x01(.)/g, (_, code: string) => ({ "0": "\0", "1": "\x01", t: "\t", r: "\r", n: "\n" })[code] ?? code);

export function parseSubscriptions(text: string, spelling: NameSpelling): Subscriptions {
  const isSecond = text.startsWith(HEADER);
  const separator = isSecond ? "\t" : spelling.separator;
  const names = new Set<string>();
  const others: string[] = [];
  for (const line of text.slice(isSecond ? HEADER.length : 0).split("\n")) {
    if (line === "") continue;
    const steps = line.split(separator).map((step) => spelling.decode(isSecond ? unescapeTab(step) : step));
    if (steps.every((step) => step !== null && step !== "" && !step.includes("/"))) names.add(steps.join("/"));
    else others.push(line);
  }
  return { version: isSecond || text === "" ? 2 : 1, names: [...names], others };
}

function format({ version, names, others }: Subscriptions, spelling: NameSpelling): string {
  const separator = version === 2 ? "\t" : spelling.separator;
  const lines = names.map((name) =>
    name
      .split("/")
      .map((step) => spelling.encode(step))
      .join(separator),
  );
  return `${version === 2 ? HEADER : ""}${[...others, ...lines].map((line) => `${line}\n`).join("")}`;
}

export interface SubscriptionChange {
  readonly name: string;
  readonly isSubscribed: boolean;
  readonly spelling: NameSpelling;
  /** What counts before the change, if not the file alone does. */
  readonly before?: (text: string) => Subscriptions;
}

/** Throws `limit` beyond 100,000 names. */
export function changeSubscription(path: string, change: SubscriptionChange): Promise<void> {
  const { name, isSubscribed, spelling } = change;
  return changeText(path, (text) => {
    const before = change.before?.(text) ?? parseSubscriptions(text, spelling);
    const names = new Set(before.names);
    if (names.has(name) === isSubscribed) return text;
    if (isSubscribed) names.add(name);
    else names.delete(name);
    if (names.size > MAX_NAMES) throw new StoreError("limit", "Too many subscriptions");
    return format({ ...before, names: [...names] }, spelling);
  });
}
