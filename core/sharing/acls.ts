/** Rights of mailboxes as their stores keep them: read when they have changed, changed under the store's lock, damage told once. */
import type { Log } from "../contracts/log.ts";
import type { Note } from "../contracts/mailbox-notes.ts";
import { type AccountMailboxes, StoreError } from "../contracts/mailbox-store.ts";
import type { AclChange, AclEntry } from "../contracts/sharing.ts";
import type { Rights } from "../mail/acl-rights.ts";
import { type AclFile, changedAcl, emptyAcl, parseAcl, withoutEntry } from "./acl-file.ts";
import { effectiveRights, type Groups, type Reader } from "./effective-rights.ts";
import type { Grants } from "./grants.ts";

/** Whose mailboxes. */
export interface Owned {
  readonly login: string;
  readonly mail: AccountMailboxes;
}

const maxKnown = 20_000;

export class Acls {
  readonly #known = new Map<string, { readonly note: Note; readonly acl: AclFile }>();
  readonly #grants: Grants;
  readonly #groups: Groups;
  readonly #log: Log;

  constructor(room: { readonly grants: Grants; readonly groups: Groups; readonly log: Log }) {
    this.#grants = room.grants;
    this.#groups = room.groups;
    this.#log = room.log;
  }

  /** `null`: the mailbox has no rights of its own, or is not there. */
  async of({ login, mail }: Owned, name: string): Promise<AclFile | null> {
    const key = `${login}\0${name}`;
    const known = this.#known.get(key);
    const note = (await mail.notes?.read(name, "acl", known?.note ?? null)) ?? null;
    if (note === null) {
      this.#known.delete(key);
      return null;
    }
    if (known && note === known.note) return known.acl;
    const acl = parseAcl(note.text);
    for (const { line, why } of acl.damaged) {
      this.#log.warn(
        { file: note.place, line, why },
        "rights of a mailbox are damaged: nobody but its owner may use it",
      );
    }
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(key, { note, acl });
    await this.#grants.note(login, grantedIn(acl));
    return acl;
  }

  async rights(owned: Owned, name: string, reader: Reader): Promise<Rights> {
    return effectiveRights((await this.of(owned, name)) ?? emptyAcl, reader, this.#groups);
  }

  async change(owned: Owned, name: string, change: AclChange): Promise<void> {
    await this.#edit(owned, name, (text) => changedAcl(text, change));
    // Read anew, and its hints made.
    await this.of(owned, name);
  }

  async remove(owned: Owned, name: string, about: Pick<AclEntry, "subject" | "isNegative">): Promise<void> {
    await this.#edit(owned, name, (text) => withoutEntry(text, about));
  }

  async #edit({ mail }: Owned, name: string, edit: (text: string) => string): Promise<void> {
    if (!mail.notes) throw new StoreError("cannot", "Mailboxes cannot be shared here");
    await mail.notes.change(name, "acl", (text) => {
      // What cannot be read cannot be changed without perhaps giving what it took.
      if (parseAcl(text).damaged.length > 0)
        throw new StoreError("corruption", "The rights of this mailbox are damaged");
      return edit(text);
    });
  }

  /** A new mailbox has the rights of its parent, unless somebody has given it some already. */
  async inherit(owned: Owned, from: string, to: string): Promise<void> {
    const text = (await owned.mail.notes?.read(from, "acl"))?.text ?? "";
    if (text === "") return;
    await owned.mail.notes?.change(to, "acl", (held) => (held === "" ? text : held));
    await this.of(owned, to);
  }
}

const grantedIn = ({ entries }: AclFile): readonly string[] =>
  entries
    .filter(({ subject, isNegative, rights }) => !isNegative && rights.size > 0 && subject !== "owner")
    .map(({ subject }) => subject);
