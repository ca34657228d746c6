/** CREATE and RENAME as a login may (RFC 4314 4): `k` on the parent, `x` on what moves. New mailboxes have the rights of their parent. */
import { type SpecialUse, StoreError } from "../contracts/mailbox-store.ts";
import type { Place, Region } from "./regions.ts";
import { refusal, type SharingRoom } from "./sharing-room.ts";

/** Where a new name belongs: names that will be made with it, and the mailbox above whose rights they get. */
interface Site {
  readonly region: Region;
  readonly made: readonly string[];
  /** `null`: the root of the login's own. */
  readonly parent: string | null;
}

/** To whoever knows of nothing there, all owners look alike. */
const forbidden = () => new StoreError("noPermission", "You may not make mailboxes there");

async function siteFor({ regions, acls }: SharingRoom, name: string): Promise<Site & { readonly name: string }> {
  const place = await regions.locate(name).catch((cause: unknown) => {
    throw cause instanceof StoreError && cause.code === "nonexistent" ? forbidden() : cause;
  });
  const { region } = place;
  const names = new Set((await region.mail.list()).filter(({ isSelectable }) => isSelectable).map((one) => one.name));
  const steps = place.name.split("/");
  const levels = steps.map((_, index) => steps.slice(0, index + 1).join("/"));
  const above = levels.slice(0, -1).findLast((level) => names.has(level)) ?? null;
  // The rights of an INBOX stand for those of the whole account.
  const parent = above ?? (region.reader.isOwner ? null : "INBOX");
  if (parent !== null && !(await acls.rights(region, parent, region.reader)).has("k")) throw forbidden();
  return { region, name: place.name, parent, made: levels.filter((level) => !names.has(level)) };
}

async function inherit({ acls }: SharingRoom, { region, parent, made }: Site, except?: string): Promise<void> {
  if (parent === null) return;
  for (const name of made) if (name !== except) await acls.inherit(region, parent, name);
}

export async function createIn(room: SharingRoom, name: string, specialUse?: SpecialUse): Promise<void> {
  const site = await siteFor(room, name);
  if (specialUse !== undefined && !site.region.reader.isOwner) throw forbidden();
  await site.region.mail.create(site.name, specialUse);
  await inherit(room, site);
}

export async function renameIn(room: SharingRoom, from: string, to: string): Promise<void> {
  const source: Place = await room.regions.locate(from);
  const rights = await room.acls.rights(source.region, source.name, source.region.reader);
  if (!rights.has("x")) throw refusal(rights);
  const isInbox = source.name === "INBOX";
  if (isInbox && !source.region.reader.isOwner) throw new StoreError("cannot", "An INBOX of others stays");
  const site = await siteFor(room, to);
  if (site.region.login !== source.region.login || site.region.prefix !== source.region.prefix)
    throw new StoreError("cannot", "A mailbox stays its owner's");
  await source.region.mail.rename(source.name, site.name);
  // What was renamed keeps its rights; what INBOX leaves behind is new (RFC 3501 6.3.5).
  await inherit(room, site, isInbox ? undefined : site.name);
}
