/** What is typed to say which messages are meant. Throws a usage error with what was expected. */
import { type QueueFilter, type QueueState, queueStates } from "../../control/request.ts";
import { nearest } from "../../kernel/load/nearest.ts";
import { parseDuration, parseSize } from "../../kernel/units.ts";
import { usageError } from "../command-error.ts";

export interface FilterOptions {
  readonly older?: string;
  readonly newer?: string;
  readonly larger?: string;
  readonly smaller?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly domain?: string;
  readonly reply?: string;
  readonly state?: string;
  readonly plugin?: string;
  readonly limit?: string;
}

/** Flag, what follows it, what it means. */
export const filterFlags: readonly (readonly [string, string])[] = [
  ["--older <duration>", "accepted longer ago than this, such as 2h or 3d"],
  ["--newer <duration>", "accepted not so long ago"],
  ["--larger <size>", "larger than this, such as 1MiB"],
  ["--smaller <size>", "smaller than this"],
  ["--sender <pattern>", "from this sender or login; * stands for anything, <> is the null sender"],
  ["--recipient <pattern>", "with this recipient still to be tried"],
  ["--domain <pattern>", "with a recipient of this domain; .example.org with its subdomains"],
  ["--reply <text>", "whose last answer, or reason for being held, has this in it"],
  ["--state <states>", `${queueStates.join(", ")}; several with commas`],
  ["--plugin <name>", "held by this plugin, or deferred by it"],
];

/** `null`: nothing was said. */
export function filterFrom(ids: readonly string[], options: FilterOptions): QueueFilter | null {
  const filter: QueueFilter = {
    ...(ids.length > 0 && { ids }),
    ...(options.older !== undefined && { olderMs: duration("--older", options.older) }),
    ...(options.newer !== undefined && { newerMs: duration("--newer", options.newer) }),
    ...(options.larger !== undefined && { largerBytes: size("--larger", options.larger) }),
    ...(options.smaller !== undefined && { smallerBytes: size("--smaller", options.smaller) }),
    ...(options.sender !== undefined && { sender: options.sender }),
    ...(options.recipient !== undefined && { recipient: options.recipient }),
    ...(options.domain !== undefined && { domain: options.domain }),
    ...(options.reply !== undefined && { reply: options.reply }),
    ...(options.state !== undefined && { states: options.state.split(",").map(stateOf) }),
    ...(options.plugin !== undefined && { plugin: options.plugin }),
    ...(options.limit !== undefined && { limit: count("--limit", options.limit) }),
  };
  return Object.keys(filter).length === 0 ? null : filter;
}

function duration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw usageError(`${flag} is a duration such as 30m, 2h or 3d, not ${JSON.stringify(text)}`);
  return ms;
}

function size(flag: string, text: string): number {
  const bytes = /^\d+$/.test(text) ? Number(text) : parseSize(text);
  if (bytes === null) throw usageError(`${flag} is a size such as 500KiB or 1MiB, not ${JSON.stringify(text)}`);
  return bytes;
}

function count(flag: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usageError(`${flag} is a number from 1, not ${JSON.stringify(text)}`);
  return Number(text);
}

function stateOf(text: string): QueueState {
  const name = text.trim().toLowerCase();
  // What a program that lists states calls them.
  const state = queueStates.find((one) => one === name) ?? (name === "deferred" ? "waiting" : undefined);
  if (state) return state;
  const meant = nearest(name, queueStates);
  throw usageError(
    `--state is one of ${queueStates.join(", ")}, not ${JSON.stringify(text)}${meant === null ? "" : `; did you mean ${meant}?`}`,
  );
}
