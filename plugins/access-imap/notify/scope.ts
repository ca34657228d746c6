/** Which mailboxes the groups of NOTIFY mean, and what is wanted of each (RFC 5465 6). Pure. */
import type { MailboxListing } from "postern/plugin";
import type { EventGroup, Events } from "./event-groups.ts";

/** A name as it is now, or was. */
export interface NamedMailbox {
  readonly name: string;
  readonly isSelectable: boolean;
  readonly isSubscribed: boolean;
  readonly isPersonal: boolean;
  readonly listing: MailboxListing | undefined;
}

type Wish = Exclude<keyof Events, "items">;

/** Whether any group wants it of this mailbox: several may mean the same one. */
export const isWanted = (groups: readonly EventGroup[], mailbox: NamedMailbox, wish: Wish): boolean =>
  groups.some((group) => group.events[wish] && isMeant(group, mailbox, wish));

function isMeant({ filter }: EventGroup, mailbox: NamedMailbox, wish: Wish): boolean {
  const { name, isSelectable } = mailbox;
  switch (filter.at) {
    case "personal":
      return mailbox.isPersonal && (isSelectable || wish === "names");
    case "subscribed":
      // RFC 5465 5.5: one that has just been taken off the list is told once more.
      return mailbox.isSubscribed || wish === "subscriptions";
    case "subtree":
      return filter.names.some((top) => name === top || name.startsWith(`${top}/`));
    case "mailboxes":
      // RFC 5465 6.6: no wildcards.
      return filter.names.includes(name);
  }
}
