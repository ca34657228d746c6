/** One POP3 session: its connection, its state (RFC 1939 3), and what commands share. Commands change it, nobody else. */
import type { Connection, Identity, Log, Logins, MailboxStore, ServerFacts } from "postern/plugin";
import type { Admission } from "./admission.ts";
import { Maildrop } from "./maildrop.ts";
import type { Options } from "./options.ts";
import { type Code, err, formatReply, ok, type Reply, storeReply } from "./reply.ts";
import type { TextName } from "./texts/english.ts";
import { defaultLanguage, type Language } from "./texts/languages.ts";

export type State =
  | { readonly at: "authorization"; readonly user: string | null }
  | { readonly at: "transaction"; readonly maildrop: Maildrop }
  /** UPDATE has been passed, or there was nothing to update. Nothing is read any more. */
  | { readonly at: "ended" };

/** How a session ended, for the log. */
export type Ending = "quit" | "left" | "idle" | "slow" | "shutdown" | "mistakes" | "failures" | "fault";

export interface Services {
  readonly logins: Logins;
  readonly store: MailboxStore;
  readonly facts: ServerFacts;
  readonly admission: Admission;
  readonly options: Options;
  readonly log: Log;
}

export class Pop3Session {
  readonly connection: Connection;
  readonly services: Services;
  #log: Log | null = null;
  state: State = { at: "authorization", user: null };
  language: Language = defaultLanguage;
  /** RFC 6856 2.1: the client takes headers in UTF-8. */
  isUtf8 = false;
  loginFailures = 0;
  /** `null`: the client may still speak. */
  ending: Ending | null = null;
  #loginDeadline: NodeJS.Timeout | null = null;

  constructor(connection: Connection, services: Services) {
    this.connection = connection;
    this.services = services;
  }

  get log(): Log {
    this.#log ??= this.services.log.child({ session: this.connection.session.id });
    return this.#log;
  }

  /** SASL mechanisms to offer now; none where a password could be read on its way. */
  get mechanisms(): readonly string[] {
    const { listenerTls, session } = this.connection;
    if (listenerTls === "required" && session.tls === null) return [];
    return this.services.logins.mechanisms(session);
  }

  /** Waits only for a client that is slow to read. */
  send(data: string | Uint8Array): void | Promise<void> {
    return this.connection.write(data);
  }

  reply(reply: Reply): void | Promise<void> {
    return this.connection.write(formatReply(reply, this.language.texts));
  }

  /** However much the client says: before the login it has so long. */
  awaitLogin(): void {
    this.#loginDeadline = setTimeout(() => this.bye("slow", "tooSlow"), this.services.options.loginTimeout);
  }

  endWaiting(): void {
    if (this.#loginDeadline) clearTimeout(this.#loginDeadline);
    this.#loginDeadline = null;
  }

  /** What was learned in clear is forgotten (RFC 2595 4). */
  forget(): void {
    this.state = { at: "authorization", user: null };
    this.language = defaultLanguage;
    this.isUtf8 = false;
  }

  /** After a successful login: the TRANSACTION state, if the maildrop can be had (RFC 1939 4). */
  async enter(identity: Identity): Promise<Reply> {
    const { admission, store } = this.services;
    try {
      if (!identity.account) return err("noMailbox", "SYS/PERM");
      const mailboxes = await store.of(identity.account);
      const admitted = await admission.admit(identity.account, mailboxes);
      if (admitted.at === "refused") return admitted.reply;
      const maildrop = await Maildrop.open(mailboxes, admitted.hold);
      if (this.connection.socket.destroyed || this.ending !== null) {
        await maildrop.release();
        return err("tooSlow");
      }
      this.state = { at: "transaction", maildrop };
      this.endWaiting();
      // RFC 1939 3: nothing is said, as it could be taken for the answer to the next command.
      this.connection.setIdleTimeout(this.services.options.idleTimeout, () => this.leave("idle"));
      return ok("loggedIn", { count: maildrop.count });
    } catch (fault) {
      this.log.error({ err: fault }, "maildrop cannot be had");
      return storeReply(fault) ?? err("notAvailable", "SYS/TEMP");
    }
  }

  /** The server ends the session and says why; nothing is deleted. Safe to call at any time. */
  bye(ending: Ending, text: TextName, code: Code | null = null): void {
    if (this.ending !== null) return;
    void this.reply(err(text, code));
    this.leave(ending);
  }

  /** The same without a word. */
  leave(ending: Ending): void {
    if (this.ending !== null) return;
    this.ending = ending;
    this.connection.close();
  }
}
