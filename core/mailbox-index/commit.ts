/**
 * One registration, inside one transaction: each change is taken if nobody registered another of the same message that the caller does
 * not know. That gives all processes one order of changes, and each snapshot all that was registered up to its modseq.
 */
import type { IndexedMessage, KnownMessage, Registered, Registration } from "../contracts/mailbox-index.ts";
import type { ShardEnvironment } from "./environment.ts";
import { newsSince, trimmed } from "./journal.ts";
import { journalKey, scopeOf } from "./keys.ts";
import { messagesOf } from "./messages.ts";
import { encodeEntry, encodeHead, type Head } from "./records.ts";
import { rangesOf } from "./uid-ranges.ts";

/** `null`: the caller has to read everything first. */
export function commit(
  environment: ShardEnvironment,
  mailbox: Buffer,
  { head, wanted }: { readonly head: Head; readonly wanted: Registration },
): Registered | null {
  const scope = scopeOf(mailbox, head.epoch);
  const known = messagesOf(environment, scope);
  const others = newsSince(environment, known, { scope, head, since: wanted.since });
  if (others === null) return null;
  const theirs = new Map<number, KnownMessage | null>(others.put.map((message) => [message.uid, message]));
  for (const uid of others.vanished) theirs.set(uid, null);

  const refused: number[] = [];
  const changed: number[] = [];
  const vanished: number[] = [];
  let { messages } = head;
  const isReserved = wanted.modseq === head.reservedModseq && wanted.modseq > head.highestModseq;
  const modseq = isReserved ? wanted.modseq : nextModseq(head, wanted.modseq);

  for (const message of wanted.put) {
    const newer = theirs.get(message.uid);
    if (newer !== undefined) {
      // Somebody has told of the same already, or of something else.
      if (newer?.flags !== message.flags || newer.place !== message.place) refused.push(message.uid);
      continue;
    }
    const old = known.at(message.uid);
    if (old === null && message.uid < head.uidNext) {
      // It has gone: a UID does not come back.
      refused.push(message.uid);
      continue;
    }
    if (old === null) messages++;
    known.put(numbered(message, modseq));
    changed.push(message.uid);
  }
  for (const message of wanted.moved ?? []) {
    const old = theirs.has(message.uid) ? null : known.at(message.uid);
    if (old?.flags === message.flags) known.put(numbered(message, old.modseq));
    else if (theirs.get(message.uid)?.place !== message.place) refused.push(message.uid);
  }
  for (const uid of wanted.vanished) {
    if (theirs.get(uid)) refused.push(uid);
    else if (known.at(uid) !== null) {
      known.remove(uid);
      messages--;
      vanished.push(uid);
    }
  }

  known.write();
  const isChanged = changed.length > 0 || vanished.length > 0;
  const next: Head = {
    ...head,
    messages,
    highestModseq: isChanged ? modseq : head.highestModseq,
    uidNext: Math.max(head.uidNext, wanted.uidNext),
    cursor: refused.length > 0 ? "" : wanted.cursor,
    moves: (head.moves + (wanted.moved?.length ? 1 : 0)) >>> 0,
  };
  environment.heads.put(
    mailbox,
    encodeHead(isChanged ? journalled(environment, scope, next, { changed, vanished }) : next, mailbox),
  );
  return {
    highestModseq: next.highestModseq,
    uidNext: next.uidNext,
    modseq: isChanged ? modseq : 0,
    others,
    refused,
  };
}

/** There may be very many: objects of one shape, which spreading does not make. */
const numbered = (message: IndexedMessage, modseq: number): KnownMessage => {
  const { uid, flags, place, internalDate, sizeBytes } = message;
  return { uid, flags, place, internalDate, sizeBytes, modseq };
};

/** Above all that was given out, for whatever. */
const nextModseq = ({ highestModseq, reservedModseq }: Head, least: number): number =>
  Math.max(least, highestModseq + 1, reservedModseq + 1);

/** `null`: the caller does not know all that was registered. */
export function reserve(
  environment: ShardEnvironment,
  mailbox: Buffer,
  { head, since, modseq }: { readonly head: Head; readonly since: number; readonly modseq: number },
): number | null {
  if (since < head.highestModseq) return null;
  const reservedModseq = nextModseq(head, modseq);
  environment.heads.put(mailbox, encodeHead({ ...head, reservedModseq }, mailbox));
  return reservedModseq;
}

function journalled(
  environment: ShardEnvironment,
  scope: Buffer,
  head: Head,
  what: { readonly changed: readonly number[]; readonly vanished: readonly number[] },
): Head {
  const key = journalKey(scope, head.highestModseq);
  const entry = encodeEntry({ changed: rangesOf(what.changed), vanished: rangesOf(what.vanished) }, key);
  environment.journal.put(key, entry);
  const { journalEntries, journalBytes } = head;
  const counted = {
    ...head,
    journalEntries: journalEntries + 1,
    journalBytes: journalBytes + key.length + entry.length,
  };
  return trimmed(environment, scope, counted);
}
