/**
 * May this recipient be offered, and whom does it mean? Hooks `destination`, `expand`, the accounts, then `rcptTo`, in the order
 * that architecture section 3 says. Relaying is denied here: with no plugin at all, nothing but local accounts is taken.
 * A dead address is refused now and not bounced later; whatever cannot be told now is a temporary refusal.
 */

import type { Accounts } from "../contracts/account.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Offer, Refused } from "../contracts/submit.ts";
import type { Change } from "../contracts/verdicts.ts";
import { wholeAddress } from "../kernel/addresses.ts";
import type { EnvelopeState, Receipt } from "../kernel/envelope.ts";
import { holdsForPostmaster } from "../kernel/postmaster.ts";
import { type Address, literalOf } from "../mail/address.ts";
import { type Expansion, type ExpansionRoom, expandRecipient, type Leaf, unexpanded } from "./expansion.ts";
import type { OriginRules } from "./origin-table.ts";
import { refusals, refusedBy } from "./refusals.ts";

export interface AdmissionRoom extends ExpansionRoom {
  readonly accounts: Accounts;
  readonly facts: ServerFacts;
  readonly log: Log;
}

export type Admitted = {
  readonly at: "admitted";
  readonly leaves: readonly Leaf[];
  readonly receipts: readonly Receipt[];
  readonly changes: readonly Change[];
};

export async function admitOffer(
  room: AdmissionRoom,
  rules: OriginRules,
  envelope: EnvelopeState,
  offer: Offer,
): Promise<Admitted | Refused> {
  // RFC 5321 4.1.3: our own address in brackets is this host, as is no domain at all
  const isBare = offer.address.domain === "" || isOurLiteral(offer.address, envelope);
  const isPostmaster =
    offer.isPostmaster === true || (isBare && offer.address.localPart.toLowerCase() === "postmaster");
  const recipient = envelope.makeRecipient({
    ...offer,
    address: isBare ? completed(offer.address, isPostmaster, room.facts) : offer.address,
  });

  let isClaimed = !rules.asksDestination;
  if (rules.asksDestination && room.kernel.hears("destination")) {
    const asked = room.kernel.claim("destination", envelope, recipient);
    const { verdict, by } = asked instanceof Promise ? await asked : asked;
    if (verdict?.verdict === "accept") isClaimed = true;
    else if (verdict) {
      const refused = refusedBy(verdict, by);
      if (!isPostmaster || holdsForPostmaster(refused)) return refused;
    }
  }

  let leaves = await findLeaves(room, envelope, recipient, { isClaimed, expands: rules.expands === "always" });
  if (leaves.at === "refused" && rules.expands === "dead")
    leaves = await findLeaves(room, envelope, recipient, { isClaimed, expands: true });
  if (leaves.at === "refused" && isPostmaster) leaves = await postmasterLeaves(room, envelope, recipient);
  if (leaves.at === "refused") return leaves;

  const { receipts } = leaves;
  if (!rules.asksRcptTo || !room.kernel.hears("rcptTo"))
    return { at: "admitted", leaves: leaves.leaves, receipts, changes: [] };
  const asked = room.kernel.policy("rcptTo", envelope, recipient);
  const { verdict, by, changes } = asked instanceof Promise ? await asked : asked;
  if (verdict.verdict === "reject" || verdict.verdict === "defer") {
    const refused = refusedBy(verdict, by);
    if (!isPostmaster || holdsForPostmaster(refused)) return refused;
  }
  return redirected(room, envelope, recipient, { at: "admitted", leaves: leaves.leaves, receipts, changes });
}

const isOurLiteral = ({ domain }: Address, { session }: EnvelopeState): boolean =>
  domain.startsWith("[") && session !== null && domain === literalOf(session.local.address);

/** A bare name is this server's; `<Postmaster>` (RFC 5321 4.5.1) whoever the operator named. */
const completed = (address: Address, isPostmaster: boolean, facts: ServerFacts): Address =>
  isPostmaster ? facts.postmaster : (wholeAddress({ localPart: address.localPart, domain: facts.origin }) ?? address);

type Leaves =
  | { readonly at: "leaves"; readonly leaves: readonly Leaf[]; readonly receipts: readonly Receipt[] }
  | Refused;

async function findLeaves(
  room: AdmissionRoom,
  envelope: EnvelopeState,
  recipient: Recipient,
  { isClaimed, expands }: { readonly isClaimed: boolean; readonly expands: boolean },
): Promise<Leaves> {
  const expansion: Expansion | Refused = expands
    ? await expandRecipient(room, envelope, recipient)
    : unexpanded(recipient);
  if (expansion.at === "refused") return expansion;
  const alive: Leaf[] = [];
  let refused = expansion.dead[0] ?? null;
  for (const leaf of expansion.leaves) {
    const isGranted = isClaimed || !expansion.names.has(leaf.recipient);
    const state = await lookUp(room.accounts, leaf.recipient.address, isGranted);
    if (state === null) alive.push(leaf);
    else if (!state.isPermanent) return state;
    else refused ??= state;
  }
  if (alive.length > 0) return { at: "leaves", leaves: alive, receipts: expansion.receipts };
  return refused ?? refusals.userUnknown;
}

/** `null`: this address is good. The account is asked first: for local mail that is the only question. */
async function lookUp(accounts: Accounts, address: Address, isGranted: boolean): Promise<Refused | null> {
  const account = await accounts.byAddress(address);
  if (account.at === "found") return null;
  const domain = await accounts.domain(address.domain);
  if (domain === "unavailable") return refusals.unavailable;
  if (domain === "foreign") {
    if (isGranted) return null;
    // A directory that cannot answer might have known it.
    return account.at === "unavailable" ? refusals.unavailable : refusals.relayDenied;
  }
  return account.at === "unavailable" ? refusals.unavailable : refusals.userUnknown;
}

/** Postmaster of a domain that has none of its own is this server's; where that leads nowhere, mail waits and the log says so. */
async function postmasterLeaves(room: AdmissionRoom, envelope: EnvelopeState, from: Recipient): Promise<Leaves> {
  const address = room.facts.postmaster;
  const recipient = envelope.makeRecipient({ ...from, address, parents: [...from.parents, from.address] });
  const leaves = await findLeaves(room, envelope, recipient, { isClaimed: true, expands: true });
  if (leaves.at !== "refused") return leaves;
  room.log.error(
    { postmaster: String(address) },
    "mail for postmaster leads nowhere: give that address an account or alias",
  );
  return refusals.unavailable;
}

/** `redirect` among the changes of `rcptTo`: the last one replaces this recipient's targets. */
async function redirected(
  room: AdmissionRoom,
  envelope: EnvelopeState,
  recipient: Recipient,
  admitted: Admitted,
): Promise<Admitted | Refused> {
  const redirect = admitted.changes.findLast((change) => change.op === "redirect");
  if (!redirect) return admitted;
  const leaves = await targetsOfChange(room, envelope, redirect.address, recipient);
  if (leaves.at === "refused") return leaves;
  const { receipts } = leaves;
  return {
    ...admitted,
    leaves: leaves.leaves,
    receipts,
    changes: admitted.changes.filter((change) => change.op !== "redirect"),
  };
}

/** Where an address that a plugin's answer names leads: the operator's own choice, so no grant is asked for. */
export async function targetsOfChange(
  room: ExpansionRoom,
  envelope: EnvelopeState,
  address: Address,
  from: Pick<Recipient, "notify"> & Partial<Recipient>,
): Promise<Leaves> {
  const parents = from.address ? [...(from.parents ?? []), from.address] : [];
  const { orcpt = null, notify } = from;
  const recipient = envelope.makeRecipient({ address, orcpt, notify, parents });
  const expansion = await expandRecipient(room, envelope, recipient);
  if (expansion.at === "refused") return expansion;
  const { leaves, dead, receipts } = expansion;
  return leaves.length > 0 ? { at: "leaves", leaves, receipts } : (dead[0] ?? refusals.userUnknown);
}
