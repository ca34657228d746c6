/** GETACL, SETACL, DELETEACL, LISTRIGHTS (RFC 4314 3), for somebody who may. */
import { StoreError } from "../contracts/mailbox-store.ts";
import type { AclChange, AclEntry, AclSubject } from "../contracts/sharing.ts";
import { allRights, noRights, type Rights, rightsWithout } from "../mail/acl-rights.ts";
import { canonicalSubject, emptyAcl } from "./acl-file.ts";
import type { Acls } from "./acls.ts";
import { ownersAlways } from "./effective-rights.ts";
import type { Place } from "./regions.ts";

export class AclDesk {
  readonly #acls: Acls;
  readonly #mayShareWithAll: boolean;

  constructor(acls: Acls, { mayShareWithAll }: { readonly mayShareWithAll: boolean }) {
    this.#acls = acls;
    this.#mayShareWithAll = mayShareWithAll;
  }

  async entries({ region, name }: Place): Promise<readonly AclEntry[]> {
    const { entries } = (await this.#acls.of(region, name)) ?? emptyAcl;
    const hasOwner = entries.some(({ subject, isNegative }) => subject === "owner" && !isNegative);
    const isNobodys = !region.reader.isOwner && !region.isHinted;
    // The owner's rights that nobody has to write down.
    return hasOwner || isNobodys ? entries : [{ subject: "owner", isNegative: false, rights: allRights }, ...entries];
  }

  change({ region, name }: Place, change: AclChange): Promise<void> {
    return this.#acls.change(region, name, { ...change, subject: this.#checked(change, region.login) });
  }

  remove({ region, name }: Place, about: Pick<AclEntry, "subject" | "isNegative">): Promise<void> {
    return this.#acls.remove(region, name, { ...about, subject: this.#named(about.subject, region.login) });
  }

  grantable({ region }: Place, subject: AclSubject): { readonly always: Rights; readonly optional: Rights } {
    const named = this.#named(subject, region.login);
    const isForAll = named === "anyone" || named === "authenticated";
    if (isForAll && !this.#mayShareWithAll) return { always: noRights, optional: noRights };
    const always = named === "owner" ? ownersAlways : noRights;
    return { always, optional: rightsWithout(allRights, always) };
  }

  #checked({ subject, isNegative, rights, mode }: AclChange, owner: string): AclSubject {
    const named = this.#named(subject, owner);
    const gives = !isNegative && mode !== "remove" && rights.size > 0;
    if (gives && !this.#mayShareWithAll && (named === "anyone" || named === "authenticated"))
      throw new StoreError("noPermission", "Mailboxes are not shared with everybody here");
    return named;
  }

  /** Whether a login exists is not asked: the answer would tell. */
  #named(subject: AclSubject, owner: string): AclSubject {
    const canonical = canonicalSubject(subject);
    if (canonical === null) throw new StoreError("cannot", "Nobody can be meant by this name");
    return canonical === `user=${owner}` ? "owner" : canonical;
  }
}
