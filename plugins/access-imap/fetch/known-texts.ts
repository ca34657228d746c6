/**
 * What was told of messages last, by mailbox, item and UID, for whoever asks next: envelopes, structures, chosen header fields. A message never
 * changes. Bounded for the process; the mailbox that was asked for longest ago goes first, and of one that is too large the rest is made anew
 * each time.
 */
import type { Mailbox } from "postern/plugin";
import type { FetchItem } from "./fetch-item.ts";

/** What the text of an item is kept as; `null` where it is not kept. */
export function textName(item: FetchItem): string | null {
  switch (item.item) {
    case "envelope":
      return "ENVELOPE";
    case "bodyStructure":
      return "BODYSTRUCTURE";
    case "section":
      return item.section.path.length === 0 && item.section.text.at === "fields" && !item.partial ? item.label : null;
    default:
      return null;
  }
}

export class MailboxTexts {
  readonly #owner: KnownTexts;
  readonly #texts = new Map<string, Map<number, string>>();
  bytes = 0;
  isForgotten = false;

  constructor(owner: KnownTexts) {
    this.#owner = owner;
  }

  get(name: string, uid: number): string | undefined {
    return this.#texts.get(name)?.get(uid);
  }

  /** `text` has one octet a character. Answers a text that is the same. */
  keep(name: string, uid: number, text: string): string {
    const texts = this.#texts.get(name) ?? new Map<number, string>();
    const bytes = text.length + entryBytes + (texts.size === 0 ? name.length + nameBytes : 0);
    if (text.length > longestText || !this.#owner.hasRoom(this, bytes)) return text;
    // In one piece, as it may be kept for long.
    const kept = Buffer.from(text, "latin1").toString("latin1");
    this.#texts.set(name, texts.set(uid, kept));
    this.bytes += bytes;
    return kept;
  }
}

const entryBytes = 100;
const nameBytes = 500;
const longestText = 65_536;
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
