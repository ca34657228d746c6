/**
 * `maildirsize` where nothing limits the account here, but another program keeps a count: a Dovecot or Courier beside us, whose quota would be
 * wrong by all that we deliver and expunge. Nothing is refused, and each change is written down, whatever the folder, as their rules are not
 * known here. Beyond the length at which the others would count anew the file goes, which makes them do so.
 */
import { statSync, unlinkSync } from "node:fs";
import type { AccountQuota, QuotaState, Usage } from "postern/plugin";
import { attempt } from "postern/store";
import type { MailboxTree } from "./mailbox-tree.ts";
import { MAX_BYTES, MaildirSize } from "./maildirsize.ts";
import { usageOfAll } from "./usage.ts";

const NO_LIMIT = { bytes: null, messages: null };

export class FollowedSize implements AccountQuota {
  readonly hard = NO_LIMIT;
  readonly #tree: MailboxTree;
  readonly #size: MaildirSize;

  constructor(tree: MailboxTree) {
    this.#tree = tree;
    this.#size = new MaildirSize(tree, this);
  }

  get isThere(): boolean {
    return statSync(this.#size.path, { throwIfNoEntry: false })?.isFile() === true;
  }

  ignores(): boolean {
    return false;
  }

  async admit(): Promise<void> {}

  async changed(_: string, change: Usage): Promise<void> {
    const { path } = this.#size;
    attempt(() => {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= MAX_BYTES) unlinkSync(path);
      else this.#size.add(change);
    });
  }

  async state(): Promise<QuotaState> {
    const usage = await usageOfAll(this.#tree, () => false);
    return { usage, hard: NO_LIMIT, soft: NO_LIMIT, isOverSoft: false, isFull: false };
  }
}
