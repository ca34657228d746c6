/** Opening a mailbox as a login: the store's handle, what the login may do, and its own `\Seen` where it is not the owner. */
import type { Mailbox } from "../contracts/mailbox-store.ts";
import type { Right, Rights } from "../mail/acl-rights.ts";
import { GuardedMailbox } from "./guarded-mailbox.ts";
import type { ReadersSeen } from "./reader-seen.ts";
import type { Place } from "./regions.ts";
import { transferMessages } from "./transfer.ts";

export interface Opening {
  /** As the login calls it. */
  readonly name: string;
  readonly isReadOnly: boolean;
  readonly claimsRecent: boolean;
  readonly readers: ReadersSeen;
  rights(): Promise<Rights>;
  /** Where a login may insert. */
  target(name: string): Promise<Place & { readonly rights: Rights }>;
}

/** RFC 4314 5.2: with any of these it is no read-only mailbox. */
const changing: readonly Right[] = ["i", "e", "s", "t", "w"];
/** Those that change what the owner sees. */
const storing: readonly Right[] = ["e", "t", "w"];

export async function openAs(place: Place, opening: Opening): Promise<GuardedMailbox> {
  const { region, name } = place;
  const { readers } = opening;
  const rights = await opening.rights();
  const may = (any: readonly Right[]) => any.some((right) => rights.has(right));
  const isReadOnly = opening.isReadOnly || !may(changing);
  const isInnerReadOnly = isReadOnly || !may(region.reader.isOwner ? [...storing, "s"] : storing);
  // What is new to another user is new to him, whoever reads it before; shared roots have nobody but their readers.
  const claimsRecent = opening.claimsRecent && !region.isHinted;
  const inner = await region.mail.open(name, { isReadOnly: isInnerReadOnly, claimsRecent });
  const own = region.reader.isOwner ? null : holdSeen(place, inner, readers);
  try {
    await own?.seen.refresh();
    return new GuardedMailbox(
      inner,
      {
        name: opening.name,
        isReadOnly,
        writable: () => region.mail.open(name, { claimsRecent }),
        rights: opening.rights,
        own,
        async transfer(source, uids, { target, isMove }) {
          const to = await opening.target(target);
          const markSeen = (seen: readonly number[]) => markSeenIn(to, seen, opening);
          return transferMessages({ source, from: place, to, rights: to.rights, uids, isMove, markSeen });
        },
      },
      rights,
    );
  } catch (cause) {
    own?.release();
    await inner.close();
    throw cause;
  }
}

function holdSeen(
  { region, name }: Place,
  inner: Mailbox,
  readers: ReadersSeen,
): ReturnType<ReadersSeen["hold"]> | null {
  const { mail, login, reader } = region;
  if (!mail.notes) return null;
  const { mailboxId, uidValidity } = inner;
  return readers.hold({ owner: login, reader: reader.login, notes: mail.notes, mailbox: name, mailboxId, uidValidity });
}

async function markSeenIn(to: Place & { readonly rights: Rights }, uids: readonly number[], { readers }: Opening) {
  if (uids.length === 0) return;
  const inner = await to.region.mail.open(to.name, { isReadOnly: true });
  const own = holdSeen(to, inner, readers);
  try {
    await own?.seen.change(inner, uids, true);
    own?.tellOthers(() => {});
  } finally {
    own?.release();
    await inner.close();
  }
}
