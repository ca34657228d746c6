/** What is counted against an address, a network or a login, and what follows from it. Pure: time is handed in. */

/** JSON, as it is kept. Times in milliseconds since 1970. */
export interface Failures {
  /** The latest, oldest first; never more than are needed to judge. */
  readonly at: readonly number[];
  /** Logins and passwords that failed lately, so that the same mistake counts once. */
  readonly seen: readonly string[];
  readonly bannedUntilMs: number;
  /** Bans so far, for the next one to last longer. */
  readonly bans: number;
}

export interface Rules {
  /** How long a failure counts. */
  readonly periodMs: number;
  /** `null`: never banned. */
  readonly banAfter: number | null;
  readonly banMs: number;
  readonly maxBanMs: number;
}

/** As many mistakes are remembered: a phone, a tablet and a laptop with the old password of two accounts. */
const SEEN_LIMIT = 8;
/** Where nothing is banned, so many are enough to know how long to wait. */
const COUNT_LIMIT = 100;

const none: Failures = { at: [], seen: [], bannedUntilMs: 0, bans: 0 };

export interface Added {
  readonly failures: Failures;
  /** `false`: the same mistake again. */
  readonly isNew: boolean;
  readonly isNewBan: boolean;
  readonly expiresAtMs: number;
}

/** `mistake: null`: cannot be told from others, so it always counts. */
export function addFailure(held: Failures | null, mistake: string | null, nowMs: number, rules: Rules): Added {
  const before = held ?? none;
  const recent = before.at.filter((at) => at > nowMs - rules.periodMs);
  const isNew = mistake === null || !before.seen.includes(mistake) || recent.length === 0;
  const others = before.seen.filter((one) => one !== mistake);
  const seen = mistake === null ? before.seen : [...others, mistake].slice(-SEEN_LIMIT);
  const at = isNew ? [...recent, nowMs].slice(-(rules.banAfter ?? COUNT_LIMIT)) : recent;
  const isNewBan = isNew && rules.banAfter !== null && at.length >= rules.banAfter && before.bannedUntilMs <= nowMs;
  const failures = isNewBan
    ? { at: [], seen, bannedUntilMs: nowMs + banLength(before.bans, rules), bans: before.bans + 1 }
    : { ...before, at, seen };
  // A ban is remembered beyond its end, so that the next one lasts longer.
  const forgetAtMs = failures.bans > 0 ? Math.max(failures.bannedUntilMs, nowMs) + rules.maxBanMs : nowMs;
  return { failures, isNew, isNewBan, expiresAtMs: Math.max(forgetAtMs, nowMs + rules.periodMs) };
}

const banLength = (bans: number, { banMs, maxBanMs }: Rules): number =>
  Math.min(maxBanMs, banMs * 2 ** Math.min(bans, 30));

export const countOf = (failures: Failures | null, nowMs: number, periodMs: number): number =>
  failures?.at.filter((at) => at > nowMs - periodMs).length ?? 0;

export interface Delays {
  readonly after: number;
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Twice as long from failure to failure. */
export const delayOf = (count: number, { after, firstMs, maxMs }: Delays): number =>
  count < after ? 0 : Math.min(maxMs, firstMs * 2 ** Math.min(count - after, 30));
