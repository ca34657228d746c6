/** The mailbox a session has selected: the store's handle, the client's view of it, and whether there may be news. */
import type { Mailbox, MessageEntry } from "postern/plugin";
import { View } from "./view.ts";
import type { Writer } from "./wire/writer.ts";

/** RFC 3501 2.3.2, without \Recent, which no client can set. */
const systemFlags = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"] as const;

export class Selected {
  readonly mailbox: Mailbox;
  readonly view: View;
  /** Something may have changed since the last `sync`. */
  isStale = false;
  /** Called once it is stale; set by IDLE. */
  onStale: (() => void) | null = null;
  #toldKeywords: readonly string[] = [];
  #toldRecent = 0;
  readonly #stopListening: () => void;

  constructor(mailbox: Mailbox) {
    this.mailbox = mailbox;
    this.view = new View(mailbox.snapshot);
    this.#stopListening = mailbox.onChange(() => {
      this.isStale = true;
      this.onStale?.();
    });
  }

  /** FLAGS with what is in use here (RFC 3501 7.2.6). */
  tellKeywords(out: Writer): void {
    this.#toldKeywords = this.mailbox.keywords;
    out.line(`* FLAGS (${this.flagList()})`);
  }

  flagList(): string {
    return [...systemFlags, ...this.mailbox.keywords].join(" ");
  }

  /** RFC 3501 7.3: EXISTS and RECENT go together. */
  tellSize(out: Writer): void {
    this.#toldRecent = this.recentCount();
    out.line(`* ${this.view.exists} EXISTS`);
    out.line(`* ${this.#toldRecent} RECENT`);
  }

  recentCount(): number {
    let count = 0;
    for (const uid of this.mailbox.recent) if (this.view.numberOf(uid) > 0) count++;
    return count;
  }

  isRecent(uid: number): boolean {
    return this.mailbox.recent.has(uid);
  }

  /** `FLAGS (...)` as FETCH sends it. */
  formatFlags({ uid, flags }: MessageEntry): string {
    const all = [...flags];
    if (this.mailbox.recent.size > 0 && this.isRecent(uid)) all.push("\\Recent");
    return `FLAGS (${all.join(" ")})`;
  }

  /** Looks at the mailbox again; the client is told by `tell`. */
  async sync(): Promise<void> {
    this.isStale = false;
    this.view.advance(await this.mailbox.sync());
  }

  /** After our own change: the snapshot that has it in. */
  async adopt(): Promise<void> {
    if (this.mailbox.snapshot === this.view.snapshot) await this.sync();
    else this.view.advance(this.mailbox.snapshot);
  }

  /** Tells the client what it may know now (RFC 3501 7). */
  tell(out: Writer, mayExpunge: boolean): void {
    this.tellNewKeywords(out);
    if (!this.view.hasNews) return;
    const { expunged, exists, changed } = this.view.take(mayExpunge);
    for (const number of expunged) out.line(`* ${number} EXPUNGE`);
    if (exists !== null) this.tellSize(out);
    else if (expunged.length > 0 && this.recentCount() !== this.#toldRecent) {
      this.#toldRecent = this.recentCount();
      out.line(`* ${this.#toldRecent} RECENT`);
    }
    for (const number of changed) out.line(`* ${number} FETCH (${this.formatFlags(this.view.entry(number))})`);
  }

  /** RFC 3501 7.2.6: a client must know a flag before it meets it. */
  tellNewKeywords(out: Writer): void {
    const { keywords } = this.mailbox;
    if (keywords === this.#toldKeywords || keywords.every((keyword) => this.#toldKeywords.includes(keyword))) return;
    this.tellKeywords(out);
  }

  async close(): Promise<void> {
    this.onStale = null;
    this.#stopListening();
    await this.mailbox.close();
  }
}
