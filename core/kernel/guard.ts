/**
 * Asks one handler and stands between it and the server: whatever it does, the answer is a checked verdict. Never throws
 * or rejects. A synchronous answer costs no timer, no promise and no AbortController.
 */
import { HandlerCall } from "./call.ts";
import { answerFault, causeText, isFault } from "./fault.ts";
import { isTrackingStrays, runAs } from "./strays.ts";
import { subjectOf, type Tap } from "./tap.ts";
import { hookChannel, publishCall } from "./trace.ts";
import { checkVerdict, type Verdict } from "./verdict-check.ts";
import { proceed } from "./verdicts.ts";

export function ask(tap: Tap, args: readonly unknown[]): Verdict | Promise<Verdict> {
  if (hookChannel.hasSubscribers) return askTraced(tap, args);
  return askPlainly(tap, args);
}

function askTraced(tap: Tap, args: readonly unknown[]): Verdict | Promise<Verdict> {
  const startedAt = performance.now();
  const publish = (verdict: Verdict) => {
    const durationMs = performance.now() - startedAt;
    const isNotice = tap.row.kind === "notice";
    publishCall(tap, args, { verdict: isNotice ? null : verdict, isFault: isFault(tap.hook, verdict), durationMs });
    return verdict;
  };
  const answer = askPlainly(tap, args);
  return answer instanceof Promise ? answer.then(publish) : publish(answer);
}

function askPlainly(tap: Tap, args: readonly unknown[]): Verdict | Promise<Verdict> {
  const call = new HandlerCall();
  let answer: unknown;
  let isLater: boolean;
  try {
    answer = isTrackingStrays() ? runAs(tap.entry, () => invoke(tap, args, call)) : invoke(tap, args, call);
    if (answer === proceed) return proceed;
    isLater = isThenable(answer);
  } catch (cause) {
    return answerFault(tap, args, "throw", cause);
  }
  return isLater ? settleLater(tap, args, call, answer) : judge(tap, args, answer);
}

/** Spelt out, because this is the hot path: spreading costs as much as all the rest. */
function invoke({ handler }: Tap, args: readonly unknown[], call: HandlerCall): unknown {
  switch (args.length) {
    case 1:
      return handler(args[0], call);
    case 2:
      return handler(args[0], args[1], call);
    default:
      return handler(...args, call);
  }
}

const isThenable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

function settleLater(tap: Tap, args: readonly unknown[], call: HandlerCall, answer: unknown): Promise<Verdict> {
  return new Promise((resolve) => {
    let isDropped = false;
    const onTimeOut = () => {
      call.timeOut();
      if (tap.row.isRaced) {
        isDropped = true;
        resolve(answerFault(tap, args, "time-out", `no answer within ${tap.timeoutMs} ms`));
        return;
      }
      const { entry, hook, row } = tap;
      tap.log.warn(
        { hook, timeoutMs: tap.timeoutMs, ...subjectOf(row, args) },
        `${entry.id} at ${hook} has had its time: signalled, waiting for it to end`,
      );
    };
    const timer = setTimeout(onTimeOut, tap.timeoutMs);
    const settle = (verdict: () => Verdict, late: string) => {
      clearTimeout(timer);
      if (isDropped) logLate(tap, args, late);
      else resolve(verdict());
    };
    Promise.resolve(answer).then(
      (given) => settle(() => judge(tap, args, given), "answered"),
      (cause: unknown) => settle(() => answerFault(tap, args, "rejection", cause), "failed"),
    );
  });
}

function logLate({ entry, hook, row, log }: Tap, args: readonly unknown[], what: string): void {
  log.warn({ hook, ...subjectOf(row, args) }, `${entry.id} at ${hook} ${what} too late: dropped`);
}

/** The verdict as it takes effect. */
function judge(tap: Tap, args: readonly unknown[], answer: unknown): Verdict {
  if (tap.row.kind === "notice") return proceed;
  const verdict = checked(tap, answer);
  if (typeof verdict === "string") return answerFault(tap, args, "no verdict", verdict);
  if (!tap.entry.shadow) return verdict;
  if (verdict.verdict !== "proceed") logShadow(tap, args, verdict);
  return proceed;
}

function checked({ row }: Tap, answer: unknown): Verdict | string {
  try {
    return checkVerdict(row, answer);
  } catch (cause) {
    // A getter that throws, a label value that refers to itself.
    return `no verdict: looking at the answer threw ${causeText(cause)}`;
  }
}

function logShadow({ entry, hook, row, log }: Tap, args: readonly unknown[], verdict: Verdict): void {
  log.info(
    { hook, shadow: verdict, ...subjectOf(row, args) },
    `${entry.id} at ${hook} would have said ${verdict.verdict}`,
  );
}
