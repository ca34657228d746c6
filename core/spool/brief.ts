/** What a list says of one message: small enough to be kept for very many, and brought up to date from what has happened since. */
import type { SpoolEnvelope, SpoolOutcome, SpoolState, SpoolSummary } from "../contracts/spool.ts";
import type { Schedule } from "./entry.ts";

export interface Brief extends Omit<SpoolSummary, "dueAt" | "open"> {
  /** The first of those that are still to be tried: id, address. */
  readonly open: readonly (readonly [number, string])[];
}

/** What is known later than a brief. */
export interface Since {
  readonly schedule: Schedule | null;
  readonly hold: { readonly reason: string | null } | null;
  readonly outcomes: ReadonlyMap<number, SpoolOutcome>;
}

/** So many recipients are named in a summary. */
const namedRecipients = 100;

const isOpen = (outcome: SpoolOutcome | undefined): boolean => outcome === undefined || outcome.at === "deferred";

export function briefOf(envelope: SpoolEnvelope, sizeBytes: number, state: SpoolState): Brief {
  const open: [number, string][] = [];
  let openCount = 0;
  for (const { id, address } of envelope.recipients) {
    if (!isOpen(state.outcomes[id])) continue;
    openCount += 1;
    if (open.length < namedRecipients) open.push([id, address]);
  }
  return {
    id: envelope.id,
    origin: envelope.origin,
    reversePath: envelope.reversePath,
    login: envelope.session?.login ?? null,
    sizeBytes,
    acceptedAt: envelope.acceptedAt,
    attempts: state.attempts,
    lastReply: state.lastReply,
    hold: envelope.hold,
    open,
    openCount,
  };
}

/** `null`: more recipients than are named here have had an outcome since, so it cannot be told. */
export function updated(brief: Brief, { schedule, hold, outcomes }: Since): Brief | null {
  const isWhole = brief.openCount === brief.open.length;
  if (!isWhole && outcomes.size > 0) return null;
  const open = outcomes.size === 0 ? brief.open : brief.open.filter(([id]) => isOpen(outcomes.get(id)));
  return {
    ...brief,
    attempts: schedule?.attempts ?? brief.attempts,
    lastReply: schedule ? schedule.lastReply : brief.lastReply,
    hold: hold ? hold.reason : brief.hold,
    open,
    openCount: isWhole ? open.length : brief.openCount,
  };
}

/** Field by field: there may be a million of them. */
export const summaryOf = (brief: Brief, dueAt: number): SpoolSummary => ({
  id: brief.id,
  origin: brief.origin,
  reversePath: brief.reversePath,
  login: brief.login,
  sizeBytes: brief.sizeBytes,
  acceptedAt: brief.acceptedAt,
  dueAt,
  attempts: brief.attempts,
  lastReply: brief.lastReply,
  hold: brief.hold,
  open: brief.open.map(([, address]) => address),
  openCount: brief.openCount,
});
