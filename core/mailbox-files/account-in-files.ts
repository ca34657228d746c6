/**
 * What belongs to an account beside its mail, the same in every store that keeps it in files: special uses, annotations, the answer about its
 * quota, the renaming of INBOX. Every fault leaves as a `StoreError`.
 */
import { type Annotations, type Mailbox, type SpecialUse, StoreError } from "../contracts/mailbox-store.ts";
import type { AccountQuota, QuotaState, Usage } from "../contracts/quota.ts";
import { type AnnotatedPlace, annotationLimits, annotationsIn, changeAnnotations } from "./annotations.ts";
import { storeError } from "./errors.ts";
import { giveSpecialUse } from "./special-use.ts";

export abstract class AccountInFiles {
  readonly separator = "/";
  readonly annotationLimits = annotationLimits;
  /** `null`: nothing limits the account. */
  protected readonly limit: AccountQuota | null;

  constructor(limit: AccountQuota | null) {
    this.limit = limit;
  }

  /** Throws `cannot` for what is no name. */
  protected abstract canonical(name: string): string;
  protected abstract exists(canonical: string): boolean;
  /** The file of special uses, which can be written. */
  protected abstract specialUses(): string;
  /** Where the annotations of a mailbox are, or the account's own (`null`). */
  protected abstract annotated(name: string | null): AnnotatedPlace;
  /** All that is kept, counted. */
  protected abstract usage(): Promise<Usage>;
  /** What has to be there before anything is counted. */
  protected prepare(): void {}
  /** Makes an empty mailbox. */
  protected abstract make(canonical: string): void | Promise<void>;
  abstract open(name: string): Promise<Mailbox>;

  setSpecialUse(name: string, use: SpecialUse | null): Promise<void> {
    return this.guarded(async () => {
      const canonical = this.canonical(name);
      if (!this.exists(canonical)) throw new StoreError("nonexistent", "There is no such mailbox");
      await giveSpecialUse(this.specialUses(), canonical, use);
    });
  }

  annotations(name: string | null): Promise<Annotations> {
    return this.guarded(() => annotationsIn(this.annotated(name)));
  }

  annotate(name: string | null, entries: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    return this.guarded(() => changeAnnotations(this.annotated(name), entries));
  }

  /** RFC 3501 6.3.5: INBOX stays, its messages go; children of INBOX are not affected. */
  protected async renameInbox(target: string): Promise<void> {
    await this.make(target);
    const inbox = await this.open("INBOX");
    try {
      const snapshot = await inbox.sync();
      const uids = Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);
      await inbox.move(uids, target);
    } finally {
      await inbox.close();
    }
  }

  /** Children go along with a mailbox: any of them may count now, or not any more. */
  protected async recountBetween(source: string, target: string): Promise<void> {
    const { limit } = this;
    if (limit && limit.ignores(source) !== limit.ignores(target)) await limit.state({ recount: true });
  }

  quota(how?: { readonly of: string }): Promise<QuotaState | null>;
  quota(how: { readonly recount: true }): Promise<QuotaState>;
  quota(how: { readonly recount?: boolean; readonly of?: string } = {}): Promise<QuotaState | null> {
    return this.guarded(async () => {
      if (how.of !== undefined && this.limit?.ignores(this.canonical(how.of))) return null;
      if (!this.limit && !how.recount) return null;
      this.prepare();
      if (this.limit) return this.limit.state(how);
      const hard = { bytes: null, messages: null };
      return { usage: await this.usage(), hard, soft: hard, isOverSoft: false, isFull: false };
    });
  }

  protected async guarded<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof TypeError ? cause : storeError(cause);
    }
  }
}
