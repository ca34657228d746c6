/** What the calls of one login share, and how they refuse. */
import { StoreError } from "../contracts/mailbox-store.ts";
import type { Rights } from "../mail/acl-rights.ts";
import type { Acls } from "./acls.ts";
import type { ReadersSeen } from "./reader-seen.ts";
import type { Regions } from "./regions.ts";

export interface SharingRoom {
  readonly regions: Regions;
  readonly acls: Acls;
  readonly readers: ReadersSeen;
  readonly mayShareWithAll: boolean;
}

/** RFC 4314 6: a mailbox that one may not look up looks like none. */
export const refusal = (rights: Rights): StoreError =>
  rights.has("l")
    ? new StoreError("noPermission", "You may not do that with this mailbox")
    : new StoreError("nonexistent", "There is no such mailbox");
