/**
 * ENVELOPE and BODYSTRUCTURE of messages as they were told last, by mailbox and UID, for whoever asks next: a message never changes. Bounded
 * for the process; the mailbox that was asked for longest ago goes first, and of one that is too large the rest is made anew each time.
 */
import type { Mailbox } from "postern/plugin";

export interface Texts {
  envelope?: string;
  bodyStructure?: string;
}

export class MailboxTexts {
  readonly #owner: KnownTexts;
  readonly #texts = new Map<number, Texts>();
  bytes = 0;
  isForgotten = false;

  constructor(owner: KnownTexts) {
    this.#owner = owner;
  }

  get(uid: number): Texts | undefined {
    return this.#texts.get(uid);
  }

  /** `text` has one octet a character. */
  keep(uid: number, what: keyof Texts, text: string): void {
    const bytes = text.length + entryBytes;
    if (!this.#owner.hasRoom(this, bytes)) return;
    const texts = this.#texts.get(uid);
    if (texts) texts[what] = text;
    else this.#texts.set(uid, { [what]: text });
    this.bytes += bytes;
  }
}

const entryBytes = 100;
const maxBytes = 16 * 1024 * 1024;

export class KnownTexts {
  /** The one that was asked for longest ago comes first. */
  readonly #mailboxes = new Map<string, MailboxTexts>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(limitBytes = maxBytes) {
    this.#maxBytes = limitBytes;
  }

  /** The id of a mailbox stands for no other one, ever (RFC 8474 4). */
  of({ mailboxId }: Pick<Mailbox, "mailboxId">): MailboxTexts {
    const texts = this.#mailboxes.get(mailboxId) ?? new MailboxTexts(this);
    this.#mailboxes.delete(mailboxId);
    this.#mailboxes.set(mailboxId, texts);
    return texts;
  }

  /** Counts `bytes` for `texts` where there is room, or room can be made. */
  hasRoom(texts: MailboxTexts, bytes: number): boolean {
    for (const [mailboxId, oldest] of this.#mailboxes) {
      if (this.#bytes + bytes <= this.#maxBytes || oldest === texts) break;
      this.#mailboxes.delete(mailboxId);
      this.#bytes -= oldest.bytes;
      oldest.isForgotten = true;
    }
    // One that went while a FETCH was using it is not counted any more.
    if (this.#bytes + bytes > this.#maxBytes || texts.isForgotten) return false;
    this.#bytes += bytes;
    return true;
  }
}
