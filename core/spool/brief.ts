/** What a list says of one message: small enough to be kept for very many, and brought up to date from what has happened since. */
import type { RemoteReply } from "../contracts/delivery.ts";
import { HELD_BY_LABEL } from "../contracts/envelope.ts";
import type { SpoolEnvelope, SpoolOutcome, SpoolState, SpoolSummary } from "../contracts/spool.ts";
import type { Schedule } from "./entry.ts";

export interface Brief extends Omit<SpoolSummary, "dueAt" | "open" | "by"> {
  /** The plugin that held it, with its reason: whoever holds it with another one is somebody else. */
  readonly heldBy?: { readonly by: string; readonly reason: string };
  readonly deferredBy?: string;
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
  const heldBy = holderIn(envelope);
  const deferredBy = lastDeferrer(Object.values(state.outcomes), state.lastReply);
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
    ...(heldBy && { heldBy }),
    ...(deferredBy !== undefined && { deferredBy }),
    open,
    openCount,
  };
}

function holderIn({ labels }: SpoolEnvelope): Brief["heldBy"] {
  const label = labels[HELD_BY_LABEL];
  if (typeof label !== "object" || label === null || !("by" in label) || !("reason" in label)) return undefined;
  const { by, reason } = label;
  return typeof by === "string" && typeof reason === "string" ? { by, reason } : undefined;
}

/** Of several recipients, one that was told what was said last. */
function lastDeferrer(outcomes: Iterable<SpoolOutcome>, last: RemoteReply | null): string | undefined {
  let found: string | undefined;
  for (const { at, by, reply } of outcomes) {
    if (at !== "deferred" || by === undefined) continue;
    if (reply.text === last?.text && reply.code === last.code) return by;
    found ??= by;
  }
  return found;
}

/** `null`: more recipients than are named here have had an outcome since, so it cannot be told. */
export function updated(brief: Brief, { schedule, hold, outcomes }: Since): Brief | null {
  const isWhole = brief.openCount === brief.open.length;
  if (!isWhole && outcomes.size > 0) return null;
  const open = outcomes.size === 0 ? brief.open : brief.open.filter(([id]) => isOpen(outcomes.get(id)));
  const lastReply = schedule ? schedule.lastReply : brief.lastReply;
  const deferredBy = outcomes.size === 0 ? undefined : lastDeferrer(outcomes.values(), lastReply);
  // Field by field, as below.
  const since: Mutable<Brief> = {
    id: brief.id,
    origin: brief.origin,
    reversePath: brief.reversePath,
    login: brief.login,
    sizeBytes: brief.sizeBytes,
    acceptedAt: brief.acceptedAt,
    attempts: schedule?.attempts ?? brief.attempts,
    lastReply,
    hold: hold ? hold.reason : brief.hold,
    open,
    openCount: isWhole ? open.length : brief.openCount,
  };
  if (brief.heldBy) since.heldBy = brief.heldBy;
  const by = deferredBy ?? brief.deferredBy;
  if (by !== undefined) since.deferredBy = by;
  return since;
}

/** Field by field: there may be a million of them. */
export function summaryOf(brief: Brief, dueAt: number): SpoolSummary {
  const by = byOf(brief);
  const summary: Mutable<SpoolSummary> = {
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
  };
  if (by !== undefined) summary.by = by;
  return summary;
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

const byOf = ({ hold, heldBy, deferredBy }: Brief): string | undefined =>
  hold === null ? deferredBy : heldBy?.reason === hold ? heldBy.by : undefined;
