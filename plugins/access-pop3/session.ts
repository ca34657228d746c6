/** One POP3 session: its connection, its state (RFC 1939 3), and what commands share. */
import type { Connection, Identity, Log, Logins, MailboxStore, ServerFacts } from "postern/plugin";
import { Maildrop } from "./maildrop.ts";
import type { Options } from "./options.ts";
import { err, formatReply, ok, type Reply, storeReply } from "./reply.ts";

export type State =
  | { readonly at: "authorization"; readonly user: string | null }
  | { readonly at: "transaction"; readonly maildrop: Maildrop }
  /** Nothing is read any more. */
  | { readonly at: "ended" };

export interface Services {
  readonly logins: Logins;
  readonly store: MailboxStore;
  readonly facts: ServerFacts;
  readonly options: Options;
  readonly log: Log;
}

export class Pop3Session {
  readonly connection: Connection;
  readonly services: Services;
  readonly log: Log;
  state: State = { at: "authorization", user: null };
  loginFailures = 0;

  constructor(connection: Connection, services: Services) {
    this.connection = connection;
    this.services = services;
    this.log = services.log.child({ session: connection.session.id });
  }

  /** SASL mechanisms to offer now; none where a password could be read on its way. */
  get mechanisms(): readonly string[] {
    const { listenerTls, session } = this.connection;
    if (listenerTls === "required" && session.tls === null) return [];
    return this.services.logins.mechanisms(session);
  }

  async send(data: string | Uint8Array): Promise<void> {
    const wait = this.connection.write(data);
    if (wait) await wait;
  }

  /** After a successful login: the TRANSACTION state, if the maildrop can be had (RFC 1939 4). */
  async enter(identity: Identity): Promise<Reply> {
    try {
      if (!identity.account) return err("This login has no mailbox", "SYS/PERM");
      const maildrop = await Maildrop.open(await this.services.store.of(identity.account));
      if (!maildrop) return err("Another session has the mailbox", "IN-USE");
      if (this.connection.closed.aborted) {
        await maildrop.release();
        return err("Too late");
      }
      this.state = { at: "transaction", maildrop };
      this.connection.setIdleTimeout(this.services.options.idleTimeout, () =>
        this.bye("Autologout; idle for too long"),
      );
      return ok(`${maildrop.count} messages`);
    } catch (fault) {
      this.log.error({ fault }, "maildrop cannot be had");
      return storeReply(fault) ?? err("The mailbox is not available now", "SYS/TEMP");
    }
  }

  /** The server ends the session; nothing is deleted. Safe to call at any time. */
  bye(text: string): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.connection.write(formatReply(err(text, "SYS/TEMP")));
    this.connection.close();
  }
  hasEnded = false;
}
