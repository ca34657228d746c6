/** Mailboxes as they are listed (RFC 3501 7.2.2): those that hold messages, and the steps of names on the way to them. */
import type { MailboxListing } from "../contracts/mailbox-store.ts";
import type { SpecialUses } from "./special-use.ts";

/** `A/B/C` -> `["A", "A/B"]`. */
export function parentsOf(name: string): readonly string[] {
  const steps = name.split("/");
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
}

/** INBOX first. `names`: canonical, of those that hold messages. */
export function listingsOf(
  names: readonly string[],
  { subscribed, uses }: { readonly subscribed: readonly string[]; readonly uses: SpecialUses },
): readonly MailboxListing[] {
  const selectable = new Set(names);
  const withChildren = new Set(names.flatMap(parentsOf));
  const wanted = new Set(subscribed);
  return [...new Set([...names, ...withChildren])]
    .sort((a, b) => Number(b === "INBOX") - Number(a === "INBOX") || (a < b ? -1 : 1))
    .map((name) => ({
      name,
      isSelectable: selectable.has(name),
      hasChildren: withChildren.has(name),
      isSubscribed: wanted.has(name),
      specialUse: selectable.has(name) ? (uses.get(name) ?? null) : null,
    }));
}
