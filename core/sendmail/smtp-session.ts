/**
 * `sendmail -bs`: an SMTP session on standard input and output. It is the front's own conversation, with all its extensions and limits;
 * what it takes is left in the maildrop, so that nothing has to run, and recipients are judged when that is picked up.
 */

import type { Socket } from "node:net";
import { duplexPair, type Readable, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { Accounts, type Logins } from "../contracts/account.ts";
import type { Message } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import { SpoolFull } from "../contracts/spool.ts";
import type { Draft, Intake, Offer, Opening, Submit } from "../contracts/submit.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { createKernel } from "../kernel/kernel.ts";
import { createMessage } from "../kernel/message.ts";
import { createSession } from "../kernel/session.ts";
import type { SendmailFacts } from "../maildrop/facts.ts";
import { Leaving } from "../maildrop/leave.ts";
import { ClientConnection } from "../net/connection.ts";
import { defaultLimits } from "../smtp/config.ts";
import { createSmtpFront } from "../smtp/front.ts";
import { SendmailError } from "./sendmail-error.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const HANDSHAKE_MS = 1;

/**
 * Resolves when the session has ended, with 0: what became of each message was said in its replies. Throws a `SendmailError` where it broke off,
 * as nobody can know then which replies were read.
 */
export async function smtpSession(parts: {
  readonly facts: SendmailFacts;
  readonly input: Readable;
  readonly out: Writable;
}): Promise<number> {
  const { facts, input, out } = parts;
  const kernel = await createKernel([], {
    log: silent,
    clock: Date,
    configDir: "/",
    services: () => [[Accounts, nobody]],
  });
  const open = new Set<Leaving>();
  const front = createSmtpFront({
    kernel,
    submit: { open: (opening) => new LeftDraft(facts, opening, open), hasRoomFor: () => true } satisfies Submit,
    logins: noLogins,
    log: silent,
    clock: Date,
    config: { hostname: facts.hostname, limits: { ...defaultLimits, messageSizeBytes: facts.messageSizeBytes } },
  });
  const [near, far] = duplexPair();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      for (const leaving of open) leaving.abort();
      process.exit(exitCodes.tempFail);
    });
  front.local(
    new ClientConnection({
      // The front asks for no more than a stream.
      socket: far as Socket,
      session: createSession({
        id: "local",
        protocol: "smtp",
        listener: { name: "stdin", role: "local" },
        local: { address: "", port: 0 },
        remote: { address: "", port: 0, hostname: null },
      }),
      ...{ listenerTls: "none", certificates: null, handshakeTimeoutMs: HANDSHAKE_MS, log: silent },
    }),
  );
  let broken: unknown = null;
  const breakOff = (cause: unknown) => {
    broken ??= cause;
    near.destroy();
  };
  input.pipe(near);
  near.pipe(out, { end: false });
  // A reader that has gone ends the session; so does one that stops speaking, once it has its replies.
  input.on("error", breakOff);
  out.on("error", breakOff);
  await finished(near, { writable: false }).catch(breakOff);
  input.unpipe(near);
  input.destroy();
  if (broken !== null) {
    // The process may end before the front has cleared up.
    for (const leaving of open) leaving.abort();
    throw new SendmailError(`the session broke off: ${reasonOf(broken)}`, exitCodes.ioError, { cause: broken });
  }
  return exitCodes.ok;
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const nobody: Accounts = {
  byLogin: async () => ({ at: "unknown" }),
  byAddress: async () => ({ at: "unknown" }),
  domain: async () => "foreign",
  knows: async () => "unknown",
};

const noLogins: Logins = {
  mechanisms: () => [],
  begin: () => Promise.reject(new Error("nobody logs in here")),
  password: () => Promise.reject(new Error("nobody logs in here")),
};

/** A transaction whose message goes into the maildrop. */
class LeftDraft implements Draft {
  readonly envelope: ReturnType<typeof createEnvelope>;
  readonly #facts: SendmailFacts;
  readonly #opening: Opening;
  readonly #open: Set<Leaving>;
  readonly #offers: Offer[] = [];
  #leaving: Leaving | null = null;

  constructor(facts: SendmailFacts, opening: Opening, open: Set<Leaving>) {
    this.#facts = facts;
    this.#opening = opening;
    this.#open = open;
    this.envelope = createEnvelope({ id: "local", ...opening });
  }

  apply(): void {}

  async admit(offer: Offer) {
    this.#offers.push(offer);
    return { at: "admitted", recipients: [this.envelope.addRecipient(offer)] } as const;
  }

  receive(): Intake {
    const leaving = this.#guarded(() => new Leaving(this.#facts.maildrop, process.getuid?.() ?? 0));
    this.#open.add(leaving);
    this.#leaving = leaving;
    return {
      write: (piece) => this.#guarded(() => leaving.write(piece)),
      get sizeBytes() {
        return leaving.sizeBytes;
      },
      end: async () => createMessage(new Uint8Array(), []),
      abort: async () => this.#abort(),
    };
  }

  async submit(_: Message) {
    const { reversePath, body, isSmtpUtf8, ret, envid } = this.#opening;
    const recipients = this.#offers.map(({ address, notify, orcpt }) => ({
      address: address.toString(),
      notify: [...notify],
      orcpt,
    }));
    const sender = reversePath === null ? null : withDomain(reversePath.toString(), this.#facts.origin);
    const id = this.#guarded(() =>
      this.#leaving?.finish({ purpose: "send", sender, recipients, body, isSmtpUtf8, ret, envid }),
    );
    if (id === undefined) throw new Error("there is no message");
    return { at: "queued", id, replies: recipients.map(() => ({ at: "queued" }) as const) } as const;
  }

  async close(): Promise<void> {
    this.#abort();
  }

  #abort(): void {
    if (this.#leaving === null) return;
    this.#leaving.abort();
    this.#open.delete(this.#leaving);
    this.#leaving = null;
  }

  #guarded<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      throw ["ENOSPC", "EDQUOT"].includes(code) ? new SpoolFull("no room in the maildrop", { cause: error }) : error;
    }
  }
}

const withDomain = (address: string, origin: string): string =>
  address.includes("@") ? address : `${address}@${origin}`;
