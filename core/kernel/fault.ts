/**
 * Faults: a handler that throws, rejects, takes too long or answers what is no verdict. Each becomes the temporary refusal
 * of the hook table and one log line with the entry, the hook and the cause.
 */
import type { HookName } from "../contracts/hooks.ts";
import type { FaultKind } from "../contracts/trace.ts";
import type { Defer, Proceed } from "../contracts/verdicts.ts";
import { hookNames, hookRow } from "./hook-table.ts";
import { subjectOf, type Tap } from "./tap.ts";
import { publishFault } from "./trace.ts";
import { proceed } from "./verdicts.ts";

const answers: ReadonlyMap<HookName, Defer> = new Map(
  hookNames.flatMap((hook) => {
    const { fault } = hookRow(hook);
    if (!fault) return [];
    const { code, detail, text, close } = fault;
    const refusal = Object.freeze({ text, code, detail, ...(close && { close }) });
    return [[hook, Object.freeze({ verdict: "defer" as const, refusal })]];
  }),
);

const unlisted: Defer = Object.freeze({
  verdict: "defer",
  refusal: Object.freeze({ text: "Try again later", code: 451, detail: "3.0" }),
});

/** The deferral of the hook table. */
export const faultAnswer = (hook: HookName): Defer => answers.get(hook) ?? unlisted;

/** Whether a verdict is a fault's: by identity, as each hook has one object for it. */
export const isFault = (hook: HookName, verdict: unknown): boolean => verdict === faultAnswer(hook);

/** Logs and gives the answer. `cause` is the thrown value, or a sentence. */
export function answerFault(tap: Tap, args: readonly unknown[], fault: FaultKind, cause: unknown): Defer | Proceed {
  const { entry, hook, row } = tap;
  const goesOn = entry.shadow || entry.onFault === "continue" || row.fault === null;
  tap.log.error(
    {
      hook,
      fault,
      cause: causeText(cause),
      ...subjectOf(row, args),
      ...(cause instanceof Error && { err: cause }),
      ...(entry.where && { where: `${entry.where.file}:${entry.where.line}` }),
    },
    goesOn ? `fault in ${entry.id} at ${hook}: going on` : `fault in ${entry.id} at ${hook}: deferring`,
  );
  publishFault(tap, fault);
  return goesOn ? proceed : faultAnswer(hook);
}

export function causeText(cause: unknown): string {
  try {
    return cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  } catch {
    // A thrown value may have a toString that throws as well.
    return "a value that cannot be shown";
  }
}
