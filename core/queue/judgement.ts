/** From what each recipient's chain said to what the client is told and who gets the message. Pure. */
import type { Refused } from "../contracts/submit.ts";
import type { PersonalCheck, Quarantined } from "./content-check.ts";

export type Reply = { readonly at: "queued" } | Refused;

export interface Judgement {
  /** Said to all at once; `null`: `replies` says it. Always `null` when each offer is answered by itself. */
  readonly refused: Refused | null;
  /** One for each offer. */
  readonly replies: readonly Reply[];
  /** Recipients who do not get it: refused to the client's face, or discarded. */
  readonly dropped: ReadonlySet<number>;
  readonly quarantined: ReadonlyMap<number, Quarantined>;
}

const queued: Reply = { at: "queued" };

export function judge(
  checks: ReadonlyMap<number, PersonalCheck>,
  /** Recipient ids of each offer. */
  offers: readonly (readonly number[])[],
  answersEach: boolean,
): Judgement {
  const dropped = new Set<number>();
  const quarantined = new Map<number, Quarantined>();
  const replies = answersEach ? offers.map((ids) => answer(checks, ids)) : offers.map(() => queued);
  const refused = answersEach ? null : notQueued(answer(checks, [...checks.keys()]));
  const promised = new Set(offers.flatMap((ids, index) => (replies[index]?.at === "queued" ? ids : [])));
  const offered = new Set(offers.flat());
  for (const [id, check] of checks) {
    const isRefusedToFace = offered.has(id) && !promised.has(id);
    if (isRefusedToFace || check.at === "discarded") dropped.add(id);
    else if (check.at === "quarantined") quarantined.set(id, check);
    else if (check.at === "refused") quarantined.set(id, { reason: check.refusal.text, by: check.by });
  }
  return { refused, replies, dropped, quarantined };
}

/** Queued if anybody takes it, unless somebody could not tell now. */
function answer(checks: ReadonlyMap<number, PersonalCheck>, ids: readonly number[]): Reply {
  const refused = ids.map((id) => checks.get(id)).filter((check) => check?.at === "refused");
  const temporary = refused.find((check) => !check.isPermanent);
  if (temporary) return temporary;
  return refused.length === ids.length && refused[0] ? refused[0] : queued;
}

const notQueued = (reply: Reply): Refused | null => (reply.at === "refused" ? reply : null);
