/** One IMAP session: its connection, its state (RFC 3501 3), and what commands share. Commands change it, nobody else. */
import { encodeModifiedUtf7 } from "postern/mail";
import type {
  AccountMailboxes,
  Clock,
  Connection,
  FullText,
  Identity,
  Log,
  Logins,
  MailboxStore,
  ServerFacts,
  Sharing,
} from "postern/plugin";
import type { Admission, Place } from "./admission.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { Extension } from "./extensions.ts";
import type { KnownTexts } from "./fetch/known-texts.ts";
import type { DeletedCounts } from "./list/deleted-counts.ts";
import type { NameHints } from "./notify/name-hints.ts";
import type { Notify } from "./notify/notify.ts";
import type { Options } from "./options.ts";
import { Selected } from "./selected.ts";
import { Pusher } from "./sync/pusher.ts";
import type { CommandReader } from "./wire/command-reader.ts";
import { formatAstring, formatUtf8 } from "./wire/format.ts";
import type { Writer } from "./wire/writer.ts";

export type State =
  | { readonly at: "notAuthenticated" }
  | { readonly at: "authenticated"; readonly mailboxes: AccountMailboxes }
  | { readonly at: "selected"; readonly mailboxes: AccountMailboxes; readonly selected: Selected }
  /** Nothing is read any more. */
  | { readonly at: "loggedOut" };

/** What the plugin needs of the server. */
export interface Services {
  readonly knownTexts: KnownTexts;
  readonly deletedCounts: DeletedCounts;
  readonly logins: Logins;
  readonly store: MailboxStore;
  /** Left out: everybody has his own mailboxes, and no others. */
  readonly sharing?: Sharing | undefined;
  /** Left out: searches read messages. */
  readonly fullText?: FullText | undefined;
  readonly facts: ServerFacts;
  readonly options: Options;
  readonly nameHints: NameHints;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
}

export class ImapSession {
  readonly connection: Connection;
  readonly services: Services;
  readonly reader: CommandReader;
  readonly out: Writer;
  #log: Log | null = null;
  state: State = { at: "notAuthenticated" };
  /** RFC 5161: what the client has said it understands; stays until the connection ends. */
  readonly enabled = new Set<Extension>();
  /** RFC 5465: `null` until the client has used it. */
  notify: Notify | null = null;
  readonly pusher = new Pusher(this);
  /** Who has logged in; empty before. */
  login = "";
  /** Among the sessions of its account, since the login. */
  place: Place | null = null;
  loginFailures = 0;
  /** RFC 2971: the client has said what it is. */
  hasNamedItself = false;
  /** RFC 9208 4.3.1: the client has heard that the account is over its soft quota. */
  isToldOverQuota = false;
  hasSaidBye = false;
  /** A command is being carried out; not while it waits for a line of the client. A server that ends lets it finish. */
  isBusy = false;

  constructor(connection: Connection, services: Services, wire: { reader: CommandReader; out: Writer }) {
    this.connection = connection;
    this.services = services;
    this.reader = wire.reader;
    this.out = wire.out;
  }

  /** Made when there is something to say: sessions are many, and most say nothing. */
  get log(): Log {
    this.#log ??= this.services.log.child({ session: this.connection.session.id });
    return this.#log;
  }

  get capabilities(): string {
    return capabilitiesOf(this.connection, this.services, this.state.at !== "notAuthenticated");
  }

  /** RFC 6855 3, RFC 9051: quoted strings that we send may be UTF-8. */
  get isUtf8(): boolean {
    return this.enabled.has("UTF8=ACCEPT") || this.enabled.has("IMAP4REV2");
  }

  /** RFC 5161 3.1. The dependencies of an extension are enabled with it. */
  enable(extension: Extension): void {
    if (this.enabled.has(extension)) return;
    this.enabled.add(extension);
    this.reader.isUtf8 = this.isUtf8;
    // RFC 7162 3.2.3
    if (extension === "QRESYNC") this.enable("CONDSTORE");
    // RFC 7162 3.1: whatever enabled it while a mailbox is selected.
    if (extension === "CONDSTORE" && this.state.at === "selected")
      this.out.line(`* OK [HIGHESTMODSEQ ${this.state.selected.toldModseq}] Highest`);
  }

  /** A mailbox name as it goes out: an octet string, an astring. */
  formatName(name: string): string {
    return this.isUtf8 ? formatUtf8(name) : formatAstring(encodeModifiedUtf7(name));
  }

  /** After a successful login. Rejects if the mailboxes cannot be had now. */
  async enter({ account }: Identity): Promise<"entered" | "noMailbox" | "tooMany"> {
    if (!account) return "noMailbox";
    const place = await this.services.admission.enter(account.login, this.connection.session.remote.address);
    if (!place) return "tooMany";
    this.place = place;
    const mailboxes = await (this.services.sharing ?? this.services.store).of(account);
    this.login = account.login;
    this.state = { at: "authenticated", mailboxes };
    const { options } = this.services;
    this.connection.setIdleTimeout(options.idleTimeout, () => this.bye("Autologout; idle for too long"));
    this.reader.limits = {
      ...this.reader.limits,
      maxLineBytes: options.maxLineSize,
      maxCommandBytes: options.maxCommandSize,
      maxUnaskedBytes: options.literals === "LITERAL-" ? 4096 : Number.POSITIVE_INFINITY, // RFC 7888 5
      maxSkippedBytes: 4 * options.maxMessageSize,
    };
    return "entered";
  }

  /** This session has put messages into a mailbox; if that is the selected one, it hears of them before its command ends. */
  tookIn(name: string, uids: readonly number[]): void {
    if (this.state.at !== "selected" || this.state.selected.mailbox.name !== name) return;
    const { selected } = this.state;
    selected.isStale = true;
    if (this.notify?.selected) for (const uid of uids) selected.ours.add(uid);
  }

  /** Ends the selected state, if it is on; the mailbox is closed without expunging. */
  async unselect(): Promise<void> {
    if (this.state.at !== "selected") return;
    const { selected, mailboxes } = this.state;
    this.state = { at: "authenticated", mailboxes };
    await selected.close();
  }

  /** The server ends the connection (RFC 3501 7.1.5). Safe to call at any time, also twice. */
  bye(text: string): void {
    if (this.hasSaidBye) return;
    this.hasSaidBye = true;
    this.out.line(`* BYE ${text}`);
    // A client that does not read does not keep us.
    Promise.resolve(this.out.flush()).catch(() => this.log.debug({}, "client left before BYE"));
    this.connection.close();
  }

  /** The client's next line while a command runs (IDLE, AUTHENTICATE); `null` if it has gone. */
  async waitForLine(maxLineBytes: number): Promise<Buffer | null> {
    this.isBusy = false;
    if (this.connection.draining.aborted) this.bye("Server is shutting down");
    const line = await this.connection.reader.line(maxLineBytes);
    this.isBusy = true;
    return this.hasSaidBye ? null : line;
  }

  /** Ends the connection where nothing sensible can be said any more: the client waits for the rest of a literal. */
  breakOff(): void {
    this.hasSaidBye = true;
    this.connection.socket.destroy();
  }
}

/** What commands get that need a login, or a selected mailbox. */
export interface WithMailboxes {
  readonly mailboxes: AccountMailboxes;
}
export interface WithSelected extends WithMailboxes {
  readonly selected: Selected;
}

export { Selected };
