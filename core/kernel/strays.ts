/**
 * Whose fault is it? Rejections and exceptions that no handler's guard saw (a promise nobody waited for, a throw in a timer)
 * are logged with the entry that they came from, and never end the process.
 *
 * AsyncLocalStorage tells for sure, but on Node 20 it makes every await in the process about three times as dear, so it is
 * switched on by the first stray; that one is attributed by its stack where it shows the plugin's file. See docs/adr/0001.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { basename, dirname, sep } from "node:path";
import type { Log } from "../contracts/log.ts";
import type { PluginEntry } from "./entry.ts";
import { causeText } from "./fault.ts";

const owners = new AsyncLocalStorage<PluginEntry>();
const places = new Map<PluginEntry, string>();
let isTracking = false;

/** Whether code is run with its owner: asked at each call. */
export const isTrackingStrays = (): boolean => isTracking;

/**
 * From now on, strays are attributed for sure; costs. The first stray fault starts it.
 * @public A test starts it by hand, in a process of its own.
 */
export function trackStrays(): void {
  isTracking = true;
}

/** Runs a plugin's code so that what it leaves behind is known to be its own. */
export const runAs = <T>(entry: PluginEntry, code: () => T): T => (isTracking ? owners.run(entry, code) : code());

/** Makes entries known by where their code lies, as stack traces show it. */
export function knowStrays(entries: readonly PluginEntry[]): void {
  for (const entry of entries) if (entry.file !== undefined) places.set(entry, placeOf(entry.file));
}

export function forgetStrays(entries: readonly PluginEntry[]): void {
  for (const entry of entries) places.delete(entry);
}

/** A plugin with an index has its folder to itself; another one is a single file. */
const placeOf = (file: string): string => (/^index\./.test(basename(file)) ? dirname(file) + sep : file);

function ownerOf(cause: unknown): PluginEntry | null {
  const owner = owners.getStore();
  if (owner) return owner;
  const stack = cause instanceof Error ? (cause.stack ?? "") : "";
  for (const [entry, place] of places) if (stack.includes(place)) return entry;
  return null;
}

/** For the process that runs the server. Returns how to take it away again. */
export function installStrayFaultGuard(log: Log): () => void {
  const report = (cause: unknown, kind: string) => {
    const owner = ownerOf(cause);
    const isFirst = !isTracking;
    isTracking = true;
    log.error(
      {
        entry: owner?.id ?? null,
        plugin: owner?.plugin.name ?? null,
        fault: kind,
        cause: causeText(cause),
        ...(cause instanceof Error && { err: cause }),
      },
      owner
        ? `stray ${kind} of ${owner.id}: nobody waited for it; going on`
        : `stray ${kind}: nobody waited for it; going on${isFirst ? ", and telling plugins apart from now on" : ""}`,
    );
  };
  const onRejection = (cause: unknown) => report(cause, "rejection");
  const onException = (cause: unknown) => report(cause, "exception");
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  return () => {
    process.off("unhandledRejection", onRejection);
    process.off("uncaughtException", onException);
  };
}
