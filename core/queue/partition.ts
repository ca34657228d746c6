/**
 * One transaction may leave as several envelopes: recipients whose sender was replaced (lists, SRS), and recipients that are set
 * aside. The first part that is on its way keeps the id that the client is told; the others have it with a number behind.
 */

import type { Recipient } from "../contracts/envelope.ts";
import { createEnvelope, type EnvelopeState } from "../kernel/envelope.ts";
import { noteHolder } from "../kernel/labels.ts";
import type { Address } from "../mail/address.ts";
import type { Quarantined } from "./content-check.ts";

export interface Apart {
  /** Recipient ids whose envelope has another reverse-path. */
  readonly reversePaths: ReadonlyMap<number, Address | null>;
  /** Recipient ids that are held, and why. */
  readonly quarantined: ReadonlyMap<number, Quarantined>;
}

export function partition(envelope: EnvelopeState, apart: Apart): readonly EnvelopeState[] {
  if (apart.reversePaths.size === 0 && apart.quarantined.size === 0) return [envelope];
  const groups = new Map<string, Recipient[]>();
  for (const recipient of envelope.recipients) {
    const reversePath = apart.reversePaths.get(recipient.id);
    const sender = reversePath === undefined ? "same" : `<${reversePath ?? ""}>`;
    const key = `${sender} ${apart.quarantined.get(recipient.id)?.reason ?? ""}`;
    const group = groups.get(key);
    if (group) group.push(recipient);
    else groups.set(key, [recipient]);
  }
  const isAside = ([first]: readonly Recipient[]): boolean => first !== undefined && apart.quarantined.has(first.id);
  const inOrder = [...groups.values()].sort((one, other) => Number(isAside(one)) - Number(isAside(other)));
  return inOrder.map((recipients, index) => part(envelope, recipients, index, apart));
}

function part(envelope: EnvelopeState, recipients: readonly Recipient[], index: number, apart: Apart): EnvelopeState {
  const first = recipients[0]?.id ?? 0;
  const reversePath = apart.reversePaths.get(first);
  const isForward = reversePath !== undefined;
  const state = createEnvelope({
    id: index === 0 ? envelope.id : `${envelope.id}-${index + 1}`,
    origin: isForward ? "forward" : envelope.origin,
    session: isForward ? null : envelope.session,
    reversePath: isForward ? reversePath : envelope.reversePath,
    body: envelope.body,
    isSmtpUtf8: envelope.isSmtpUtf8,
    requiresTls: envelope.requiresTls,
    // RFC 3461 5.2.7.3: the sender's RET and ENVID are not a list's.
    ret: isForward ? null : envelope.ret,
    envid: isForward ? null : envelope.envid,
  });
  for (const recipient of recipients) state.restoreRecipient(recipient);
  for (const [name, value] of envelope.labels) state.setLabel(name, value);
  state.hold = envelope.hold;
  const aside = apart.quarantined.get(first);
  state.quarantine = aside?.reason ?? envelope.quarantine;
  if (aside?.by != null) noteHolder(state, aside.reason, aside.by);
  state.route = envelope.route;
  return state;
}
