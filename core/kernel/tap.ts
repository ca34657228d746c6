/** One config entry's handler on one hook, with all that the guard has to know about it. */
import type { Delivery } from "../contracts/delivery.ts";
import type { Envelope } from "../contracts/envelope.ts";
import type { HookName } from "../contracts/hooks.ts";
import type { Log } from "../contracts/log.ts";
import type { Session } from "../contracts/session.ts";
import type { PluginEntry } from "./entry.ts";
import type { HookRow } from "./hook-table.ts";

export type Handler = (...args: readonly unknown[]) => unknown;

export interface Tap {
  readonly hook: HookName;
  readonly row: HookRow;
  readonly entry: PluginEntry;
  readonly handler: Handler;
  readonly timeoutMs: number;
  /** Bound to the entry's id. */
  readonly log: Log;
}

/** Whether this entry is asked about a session; calls without one always pass. */
export function isAsked({ entry: { when } }: Tap, session: Session | null): boolean {
  if (when === null || session === null) return true;
  const { role, name } = session.listener;
  return (when.role?.includes(role) ?? true) && (when.listener?.includes(name) ?? true);
}

/** Finds the session among the arguments of a hook, by the names in the table. */
export function sessionFinder(row: HookRow): (args: readonly unknown[]) => Session | null {
  const session = row.arguments.indexOf("session");
  if (session >= 0) return (args) => (args[session] as Session | undefined) ?? null;
  const envelope = envelopeFinder(row);
  return (args) => envelope(args)?.session ?? null;
}

function envelopeFinder(row: HookRow): (args: readonly unknown[]) => Envelope | undefined {
  const envelope = row.arguments.indexOf("envelope");
  const delivery = row.arguments.indexOf("delivery");
  if (envelope >= 0) return (args) => args[envelope] as Envelope | undefined;
  return (args) => (args[delivery] as Delivery | undefined)?.envelope;
}

/** What a log line about a call names: ids only, nothing that a client wrote. */
export function subjectOf(row: HookRow, args: readonly unknown[]): { session?: string; id?: string } {
  const session = sessionFinder(row)(args)?.id;
  const id = envelopeFinder(row)(args)?.id;
  return { ...(session !== undefined && { session }), ...(id !== undefined && { id }) };
}
