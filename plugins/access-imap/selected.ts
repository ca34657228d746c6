/** The mailbox a session has selected: the store's handle, the client's view of it, and whether there may be news. */
import type { FullTextMailbox, Mailbox, MessageEntry, Snapshot } from "postern/plugin";
import type { Extension } from "./extensions.ts";
import { SearchContexts } from "./search/contexts.ts";
import { View } from "./view.ts";
import { formatSet } from "./wire/sequence-set.ts";
import type { Writer } from "./wire/writer.ts";

/** RFC 3501 2.3.2, without \Recent, which no client can set. */
const systemFlags = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"] as const;

/** What the client wants to hear now. */
interface Tellable {
  readonly mayExpunge: boolean;
  /** New ones, and those that are gone. */
  readonly messages: boolean;
  readonly flags: boolean;
}

export class Selected {
  readonly mailbox: Mailbox;
  readonly view: View;
  /** An index over the texts of this mailbox, if there is one; closed with it. */
  fullText: FullTextMailbox | undefined;
  /** Searches whose results the client follows. */
  readonly contexts = new SearchContexts();
  /** Something may have changed since the last `sync`. */
  isStale = false;
  /** Called once it is stale. */
  onStale: (() => void) | null = null;
  /** RFC 5465 5.1: changes are told with the message's UID. */
  alwaysTellsUid = false;
  /** UIDs of messages that this session itself put here, of which it need not hear more than EXISTS (RFC 5465 5.2). */
  readonly ours = new Set<number>();
  /** Most messages share their set of flags with others. */
  readonly #flagTexts = new WeakMap<ReadonlySet<string>, string>();
  #toldKeywords: readonly string[] = [];
  #toldRecent = 0;
  /** The client has heard of everything up to here. */
  #toldModseq: number;
  #isHoldingBack = false;
  #modseqNews: number | null = null;
  readonly #enabled: ReadonlySet<Extension>;
  readonly #stopListening: () => void;

  constructor(mailbox: Mailbox, enabled: ReadonlySet<Extension>) {
    this.mailbox = mailbox;
    this.view = new View(mailbox.snapshot);
    this.#enabled = enabled;
    this.#toldModseq = mailbox.snapshot.highestModseq;
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
    out.line(`* ${this.view.exists} EXISTS`);
    this.#tellRecent(out);
  }

  #tellRecent(out: Writer): void {
    // RFC 9051 E: RECENT is gone.
    if (this.#enabled.has("IMAP4REV2")) return;
    this.#toldRecent = this.recentCount();
    out.line(`* ${this.#toldRecent} RECENT`);
  }

  /** What has been told entirely: the value that is safe for a client to come back with (RFC 7162 3.2). */
  get toldModseq(): number {
    return this.#toldModseq;
  }

  /** HIGHESTMODSEQ that the client must hear before its command ends (RFC 7162 3.2.7, 6). */
  takeModseqNews(): number | null {
    const news = this.#modseqNews;
    this.#modseqNews = null;
    return news;
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
    // RFC 9051 E: \Recent is gone.
    if (this.mailbox.recent.size > 0 && this.isRecent(uid) && !this.#enabled.has("IMAP4REV2"))
      return `FLAGS (${[...flags, "\\Recent"].join(" ")})`;
    const known = this.#flagTexts.get(flags);
    if (known !== undefined) return known;
    const text = `FLAGS (${[...flags].join(" ")})`;
    this.#flagTexts.set(flags, text);
    return text;
  }

  /** The FETCH response for a message that has changed by what is none of the client's FETCH commands. */
  formatChange(number: number, entry: MessageEntry, { isUid = false }: { readonly isUid?: boolean } = {}): string {
    // RFC 7162 3.2.4: with UID and MODSEQ.
    const isAware = this.isModseqAware;
    const uid = isUid || isAware ? `UID ${entry.uid} ` : "";
    return `* ${number} FETCH (${uid}${this.formatFlags(entry)}${isAware ? ` MODSEQ (${entry.modseq})` : ""})`;
  }

  /** The client has asked for modification sequences (RFC 7162 3.1). */
  get isModseqAware(): boolean {
    return this.#enabled.has("CONDSTORE");
  }

  /** Looks at the mailbox again; the client is told by `tell`. */
  async sync(): Promise<void> {
    this.isStale = false;
    this.#advance(await this.mailbox.sync());
  }

  /** After our own change: the snapshot that has it in. */
  async adopt(): Promise<void> {
    if (this.mailbox.snapshot === this.view.snapshot) await this.sync();
    else this.#advance(this.mailbox.snapshot);
  }

  #advance(snapshot: Snapshot): void {
    this.view.tracksModseq = this.isModseqAware;
    this.view.advance(snapshot);
  }

  /** Tells the client what it may know now (RFC 3501 7). Answers how many messages are new to it: the last ones. */
  tell(out: Writer, what: Tellable): number {
    this.tellNewKeywords(out);
    const arrived = this.view.hasNews ? this.#tellNews(out, what) : 0;
    this.#settle();
    return arrived;
  }

  #settle(): void {
    if (!this.view.hasNews) this.#toldModseq = this.view.snapshot.highestModseq;
    else if (this.#enabled.has("QRESYNC")) {
      // RFC 7162 3.2: modification sequences above that of an expunge that waits must not be taken for all there is.
      this.#isHoldingBack = true;
      this.#modseqNews = this.#toldModseq;
      return;
    }
    if (this.#isHoldingBack) this.#modseqNews = this.#toldModseq;
    this.#isHoldingBack = false;
  }

  #tellNews(out: Writer, { mayExpunge, messages, flags }: Tellable): number {
    const what = { arrivals: messages, flags };
    const { expunged, expungedUids, exists, arrived, changed } = this.view.take(mayExpunge && messages, what);
    // RFC 7162 3.2.10.2
    if (!this.#enabled.has("QRESYNC")) for (const number of expunged) out.line(`* ${number} EXPUNGE`);
    else if (expungedUids.length > 0) {
      out.line(`* VANISHED ${formatSet(expungedUids)}`);
      // RFC 7162 3.2.7: the client hears how far it is now.
      this.#isHoldingBack = true;
    }
    if (exists !== null) this.tellSize(out);
    else if (expunged.length > 0 && this.recentCount() !== this.#toldRecent) this.#tellRecent(out);
    for (const number of changed)
      out.line(this.formatChange(number, this.view.entry(number), { isUid: this.alwaysTellsUid }));
    return arrived;
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
    this.fullText?.close();
    await this.mailbox.close();
  }
}
