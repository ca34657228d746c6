/** All mailboxes that a login may look up (RFC 4314 4: `l`), with the steps above them that are none. */
import type { MailboxListing } from "../contracts/mailbox-store.ts";
import type { Region } from "./regions.ts";
import type { SharingRoom } from "./sharing-room.ts";
import { subscribedElsewhere } from "./subscriptions.ts";

export async function listOf({ regions, acls, ...room }: SharingRoom): Promise<readonly MailboxListing[]> {
  const own = (await regions.own.mail.list()).filter(({ name }) => !regions.isElsewhere(name));
  const others = await regions.others();
  if (others.length === 0) return own;
  const subscribed = new Set(await subscribedElsewhere(regions.own.mail));
  const found = new Map<string, MailboxListing>();
  for (const region of others) {
    const names = await visibleIn(region, { regions, acls, ...room });
    for (const name of names) addTo(found, region.prefix + name, subscribed);
    if (names.length === 0 && region.isHinted) await regions.forget(region);
  }
  return [...own, ...[...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))];
}

async function visibleIn(region: Region, { acls }: SharingRoom): Promise<readonly string[]> {
  const names: string[] = [];
  for (const { name, isSelectable } of await region.mail.list()) {
    if (isSelectable && (await acls.rights(region, name, region.reader)).has("l")) names.push(name);
  }
  return names;
}

function addTo(found: Map<string, MailboxListing>, name: string, subscribed: ReadonlySet<string>): void {
  const before = found.get(name);
  found.set(name, {
    ...{ name, isSelectable: true, hasChildren: before?.hasChildren ?? false },
    // A special use is the owner's (RFC 6154 2), not everybody's.
    ...{ isSubscribed: subscribed.has(name), specialUse: null },
  });
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
    const step = name.slice(0, at);
    const known = found.get(step);
    if (known?.hasChildren) return;
    const isSubscribed = subscribed.has(step);
    found.set(step, known ? { ...known, hasChildren: true } : stepAlone(step, isSubscribed));
  }
}

const stepAlone = (name: string, isSubscribed: boolean): MailboxListing => ({
  name,
  isSelectable: false,
  hasChildren: true,
  isSubscribed,
  specialUse: null,
});
