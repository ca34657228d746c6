/**
 * COPY and MOVE as logins may: within one owner's mailboxes by the store, where the login may set what is copied; else message by message
 * through `append`, which is all or nothing. What is moved goes only when it is all there.
 */
import {
  type CopyResult,
  type Mailbox,
  type MessageEntry,
  type NewMessage,
  StoreError,
} from "../contracts/mailbox-store.ts";
import type { Right, Rights } from "../mail/acl-rights.ts";
import { isSeenFlag, settableFlags } from "./flag-rights.ts";
import type { GuardedMailbox } from "./guarded-mailbox.ts";
import type { Place } from "./regions.ts";

export interface Transfer {
  readonly source: GuardedMailbox;
  readonly from: Place;
  readonly to: Place;
  /** What the login may do in the target; it may insert. */
  readonly rights: Rights;
  readonly uids: readonly number[];
  readonly isMove: boolean;
  /** Says that messages in the target have been seen, where that is the reader's own affair. */
  readonly markSeen: (uids: readonly number[]) => Promise<void>;
}

const flagRights: readonly Right[] = ["s", "w", "t"];

export async function transferMessages(transfer: Transfer): Promise<CopyResult> {
  const { source, from, to, rights, uids, isMove } = transfer;
  const isSame = from.region.mail === to.region.mail || from.region.login === to.region.login;
  // Before anything moves. Readers see here what they have seen themselves.
  const wasSeen = new Set(uids.filter((uid) => entryOf(source.snapshot, uid)?.flags.has("\\Seen")));
  let result: CopyResult;
  if (isSame && flagRights.every((right) => rights.has(right))) {
    result = await (isMove
      ? source.writing((mailbox) => mailbox.move(uids, to.name))
      : source.inner.copy(uids, to.name));
  } else {
    result = await copyThrough(transfer);
    if (isMove) await source.writing((mailbox) => removeCopied(mailbox, result));
  }
  if (!to.region.reader.isOwner && rights.has("s")) {
    const seen = result.uids.filter((pair) => wasSeen.has(pair.from));
    await transfer.markSeen(seen.map((pair) => pair.to));
  }
  return result;
}

function entryOf(snapshot: Mailbox["snapshot"], uid: number): MessageEntry | null {
  const index = snapshot.indexOf(uid);
  const entry = index < snapshot.size ? snapshot.at(index) : null;
  return entry?.uid === uid ? entry : null;
}

async function copyThrough({ source, to, rights, uids }: Transfer): Promise<CopyResult> {
  const { snapshot } = source;
  const entries = [...new Set(uids)].sort((a, b) => a - b).flatMap((uid) => entryOf(snapshot, uid) ?? []);
  if (entries.length === 0) return { uidValidity: (await to.region.mail.status(to.name)).uidValidity, uids: [] };
  const isReader = !to.region.reader.isOwner;
  async function* messages(): AsyncGenerator<NewMessage> {
    for (const { uid, flags, internalDate, sizeBytes } of entries) {
      // RFC 4314 4: flags that may not be set are not copied. Of a reader's own kind of \Seen the owner knows nothing.
      const kept = settableFlags([...flags], rights).filter((flag) => !(isReader && isSeenFlag(flag)));
      yield { content: await source.inner.content(uid), sizeBytes, flags: kept, internalDate };
    }
  }
  const appended = await to.region.mail.append(to.name, messages());
  return {
    uidValidity: appended.uidValidity,
    uids: entries.map(({ uid }, index) => ({ from: uid, to: appended.uids[index] ?? 0 })),
  };
}

async function removeCopied(mailbox: Mailbox, { uids }: CopyResult): Promise<void> {
  const copied = uids.map(({ from }) => from);
  if (copied.length === 0) return;
  try {
    await mailbox.store(copied, { mode: "add", flags: ["\\Deleted"] });
    await mailbox.expunge(copied);
  } catch (cause) {
    // RFC 6851 3.3: what has been copied stays; a message may be in both.
    throw cause instanceof StoreError ? cause : new StoreError("unavailable", "Copied, but not removed", { cause });
  }
}
