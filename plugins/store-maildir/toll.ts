/** What the account's quota has to do with changes of one mailbox: asked before, told afterwards. Without a quota there is none of it. */
import type { AccountQuota, NewMessage, Usage } from "postern/plugin";
import { sizesIn } from "./file-name.ts";
import type { Entry } from "./snapshot.ts";
import type { Written } from "./write-message.ts";

/** New messages on their way in. */
export class Toll {
  readonly #quota: AccountQuota;
  readonly #mailbox: string;
  #isAdmitted: boolean;
  #expected: Usage = { bytes: 0, messages: 0 };
  #taken: Usage = { bytes: 0, messages: 0 };

  private constructor(quota: AccountQuota, mailbox: string, isAdmitted: boolean) {
    this.#quota = quota;
    this.#mailbox = mailbox;
    this.#isAdmitted = isAdmitted;
  }

  /** Refuses with `overQuota` before anything is written, where all sizes are known. */
  static async ask(
    quota: AccountQuota,
    mailbox: string,
    messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  ): Promise<Toll | null> {
    if (quota.ignores(mailbox)) return null;
    if (!isArray(messages)) {
      await quota.admit(mailbox, { bytes: 0, messages: 1 });
      return new Toll(quota, mailbox, false);
    }
    const limited = messages.filter(({ isBeyondQuota }) => !isBeyondQuota);
    const bytes = limited.reduce((sum, { sizeBytes = Number.NaN }) => sum + sizeBytes, 0);
    const isKnown = !Number.isNaN(bytes);
    if (limited.length > 0 && isKnown) await quota.admit(mailbox, { bytes, messages: limited.length });
    return new Toll(quota, mailbox, isKnown);
  }

  /** One more comes: refused before it is read, where its size is known and there is no room for it. */
  async expects({ sizeBytes, isBeyondQuota }: NewMessage): Promise<void> {
    if (this.#isAdmitted || isBeyondQuota) return;
    this.#expected = { bytes: this.#expected.bytes + (sizeBytes ?? 0), messages: this.#expected.messages + 1 };
    await this.#quota.admit(this.#mailbox, this.#expected);
  }

  /** They lie in `tmp/`: what could not be asked before is asked now. */
  async written(files: readonly Written[]): Promise<void> {
    this.#taken = { bytes: files.reduce((sum, { diskBytes }) => sum + diskBytes, 0), messages: files.length };
    if (this.#isAdmitted) return;
    await this.#quota.admit(this.#mailbox, this.#taken);
    this.#isAdmitted = true;
  }

  /** They are in the mailbox. */
  paid(): Promise<void> {
    return this.#quota.changed(this.#mailbox, this.#taken);
  }
}

/** As `Array.isArray`, for arrays that are not to be changed. */
const isArray = <T>(value: readonly T[] | AsyncIterable<T>): value is readonly T[] => Array.isArray(value);

/** Octets on disk of messages that are here. */
export function usageOfEntries(entries: Iterable<Entry | null | undefined>): Usage {
  let [bytes, messages] = [0, 0];
  for (const entry of entries) {
    if (!entry) continue;
    bytes += sizesIn(entry.file.base).diskBytes ?? entry.sizeBytes;
    messages++;
  }
  return { bytes, messages };
}

export const negative = ({ bytes, messages }: Usage): Usage => ({ bytes: -bytes, messages: -messages });
