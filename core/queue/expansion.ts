/**
 * One recipient becomes its targets: the hook `expand`, asked again for each answer, until nobody changes an address any more.
 * Loops end where an address meets itself among its ancestors; size and depth are bounded, and a map that goes beyond is a
 * temporary refusal. A target that cannot be expanded now makes the whole recipient wait: nobody is left out in silence.
 */
import type { Notify, Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Refused } from "../contracts/submit.ts";
import type { Expanded } from "../contracts/verdicts.ts";
import type { EnvelopeState, Receipt } from "../kernel/envelope.ts";
import { type Address, isSameAddress } from "../mail/address.ts";
import { refusals, refusedBy } from "./refusals.ts";

/** An address that nothing expands any further. `reversePath` is `undefined` where the message's own one stays. */
export interface Leaf {
  readonly recipient: Recipient;
  readonly reversePath: Address | null | undefined;
}

export interface Expansion {
  readonly at: "expanded";
  readonly leaves: readonly Leaf[];
  /** What `expand` said no to, permanently. */
  readonly dead: readonly Refused[];
  /** The recipient itself, under whatever name: what another name is expanded to was granted, the name was not. */
  readonly names: ReadonlySet<Recipient>;
  /** Names that were passed on and will send no news of their own. */
  readonly receipts: readonly Receipt[];
}

/** Behind one address; a whole message has a limit of its own. */
const EXPANSION_LIMIT = 10_000;
const DEPTH_LIMIT = 50;

export interface ExpansionRoom {
  readonly kernel: Kernel;
  /** `EXPANSION_LIMIT` if left out. */
  readonly expansionLimit?: number;
}

export async function expandRecipient(
  { kernel, expansionLimit = EXPANSION_LIMIT }: ExpansionRoom,
  envelope: EnvelopeState,
  top: Recipient,
): Promise<Expansion | Refused> {
  if (!kernel.hears("expand")) return unexpanded(top);
  const leaves = new Map<string, Leaf>();
  const dead: Refused[] = [];
  const receipts: Receipt[] = [];
  const done = new Set<string>();
  // Depth first and in order, without recursion. The next one stands at the end.
  const waiting: Leaf[] = [{ recipient: top, reversePath: undefined }];
  const names = new Set([top]);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { recipient, reversePath } = next;
    const key = recipient.address.toString();
    const isLoop = recipient.parents.some((parent) => isSameAddress(parent, recipient.address));
    if (leaves.has(key) || (!isLoop && done.has(key))) continue;
    if (isLoop) {
      leaves.set(key, next);
      continue;
    }
    const shown = reversePath === undefined ? recipient : { ...recipient, reversePath };
    const asked = kernel.claim("expand", shown, envelope);
    const { verdict, by } = asked instanceof Promise ? await asked : asked;
    if (verdict === null) leaves.set(key, next);
    else if (verdict.verdict === "defer") return refusedBy(verdict, by);
    else if (verdict.verdict === "reject") dead.push(refusedBy(verdict, by));
    else {
      done.add(key);
      const size = leaves.size + waiting.length + verdict.to.length;
      const isTooBig = size > expansionLimit || done.size > expansionLimit;
      if (isTooBig || recipient.parents.length >= DEPTH_LIMIT) return refusals.tooManyTargets;
      const targets = targetsOf(verdict, recipient, reversePath, envelope);
      if (verdict.grantsRelay === false && names.has(recipient))
        for (const target of targets) names.add(target.recipient);
      waiting.push(...targets.reverse());
      if (recipient.notify.has("success") && endsWishForSuccess(verdict))
        receipts.push({ recipient, at: verdict.reversePath === undefined ? "expanded" : "delivered" });
    }
  }
  return { at: "expanded", leaves: [...leaves.values()], dead, names, receipts };
}

/** What stands for itself. */
export const unexpanded = (top: Recipient): Expansion => ({
  at: "expanded",
  leaves: [{ recipient: top, reversePath: undefined }],
  dead: [],
  names: new Set([top]),
  receipts: [],
});

// RFC 3461 5.2.7: one address behind a name takes the wish for news of success over; several would each send some, and so none does.
const endsWishForSuccess = ({ to, reversePath }: Expanded): boolean => to.length > 1 || reversePath !== undefined;

const never: ReadonlySet<Notify> = new Set(["never"]);

function withoutSuccess(notify: ReadonlySet<Notify>): ReadonlySet<Notify> {
  const rest = new Set(notify);
  // Nothing at all would mean: failures.
  return rest.delete("success") && rest.size === 0 ? never : rest;
}

const nothingAsked: ReadonlySet<Notify> = new Set();

function targetsOf(
  verdict: Expanded,
  from: Recipient,
  inherited: Address | null | undefined,
  envelope: EnvelopeState,
): Leaf[] {
  const reversePath = verdict.reversePath === undefined ? inherited : verdict.reversePath;
  const parents = [...from.parents, from.address];
  const wishes = endsWishForSuccess(verdict) ? withoutSuccess(from.notify) : from.notify;
  return verdict.to.map((target) => ({
    recipient: envelope.makeRecipient({
      address: target.address,
      // RFC 3461 5.2.7.1: an alias keeps the sender's wishes. 5.2.7.3: a list has its own, the sender's end there.
      orcpt: reversePath === undefined ? from.orcpt : null,
      notify: target.notify ?? (reversePath === undefined ? wishes : nothingAsked),
      parents,
    }),
    reversePath,
  }));
}
