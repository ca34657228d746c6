/**
 * The SMTP front on real listeners with the real `Submit`, in front of a spool that only remembers: what a transcript of the
 * SMTP room needs. `faults` of the spool can be switched on.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Accounts, LoginMethods, Logins } from "../contracts/account.ts";
import { ClientNames } from "../contracts/client-names.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Message } from "../contracts/envelope.ts";

import type { Log } from "../contracts/log.ts";
import { NextHops } from "../contracts/next-hops.ts";
import { Outbound } from "../contracts/outbound.ts";
import { Resolver } from "../contracts/resolver.ts";
import { ServerFacts } from "../contracts/server-facts.ts";
import type { Connection, ListenerTls } from "../contracts/session.ts";
import { type Spool, type SpoolEnvelope, SpoolFull } from "../contracts/spool.ts";
import type { Intake, Submit } from "../contracts/submit.ts";
import { Tables } from "../contracts/tables.ts";
import type { KernelRuntime } from "../kernel/kernel.ts";
import { createMessage } from "../kernel/message.ts";
import type { CoreService } from "../kernel/services.ts";
import { createAccounts } from "../login/accounts.ts";
import { createLogins } from "../login/logins.ts";
import { parseAddress } from "../mail/address.ts";
import { noCertificates, openCertificates } from "../net/certificates.ts";
import { createClientNames } from "../net/dns/client-names.ts";
import { createResolver } from "../net/dns/resolver.ts";
import { type Listener, type ListenerSpec, openListener } from "../net/listener.ts";
import { ensureSelfSigned } from "../net/self-signed.ts";
import { createOutbound } from "../outbound/outbound.ts";
import { createNextHops } from "../queue/next-hops.ts";
import { createSubmit } from "../queue/submit.ts";
import { createSmtpFront, type SmtpFrontOptions } from "../smtp/front.ts";
import type { Role } from "../smtp/roles.ts";
import { createTables } from "../tables/tables.ts";
import { kernelWith, type Listed, silentLog } from "./kernel.ts";

export interface Accepted {
  readonly envelope: SpoolEnvelope;
  /** As it was stored, latin1. */
  readonly text: string;
}

export interface SmtpTestServer {
  /** 0 on a unix socket. */
  readonly port: number;
  readonly accepted: Accepted[];
  /** What the spool should do from now on. */
  spoolFault: "none" | "full" | "broken" | "full at once" | "known to be full";
  /** Pieces that intakes have got. */
  readonly pieces: number;
  readonly opened: number;
  /** Intakes that were told to forget. */
  readonly aborted: number;
  readonly kernel: KernelRuntime;
  readonly listener: Listener;
  /** Takes a connection that did not come by the listener. */
  readonly serve: (connection: Connection) => void;
  close(): Promise<void>;
}

export interface SmtpTestOptions {
  readonly role?: Role["name"];
  readonly tls?: ListenerTls;
  /** What else its listener has. */
  readonly listener?: Partial<ListenerSpec>;
  readonly plugins?: readonly Listed[];
  /** Services beside, or instead of, the usual ones. */
  readonly services?: readonly CoreService[];
  /** `address:port` of the DNS server that `Resolver` and the names of clients come from; without it there are none. */
  readonly dns?: string;
  readonly config?: Partial<Omit<SmtpFrontOptions["config"], "hostname">>;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Of the front's time-outs. */
  readonly alarm?: SmtpFrontOptions["alarm"];
  /** How long clients may take to end at `close`. */
  readonly drainMs?: number;
  /** Instead of the real ones. */
  readonly submit?: Submit;
  readonly logins?: Logins;
}

export async function smtpTestServer(options: SmtpTestOptions = {}): Promise<SmtpTestServer> {
  const { role = "mx", tls = "none", plugins = [], log = silentLog, clock = Date } = options;
  const directory = await mkdtemp(join(tmpdir(), "postern-smtp-"));
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  const hostname = "mx.example.org";
  if (tls !== "none") await ensureSelfSigned(files, { hostname });
  const certificates = tls === "none" ? noCertificates : await openCertificates(files, { log });
  const spool = new RememberingSpool();
  const postmaster = parseAddress("postmaster@example.org");
  if (postmaster === null) throw new Error("postmaster@example.org is an address");
  const facts = {
    hostname,
    dataDir: directory,
    origin: "example.org",
    postmaster,
    recipientDelimiter: "+",
    version: "0",
  };

  const outbound = createOutbound({ hostname, clock, log });
  const resolver = options.dns === undefined ? null : createResolver({ servers: [options.dns], clock });
  const clientNames = resolver && createClientNames({ resolver, clock, timeoutMs: 5_000 });
  let accounts: Accounts | null = null;
  let logins: ReturnType<typeof createLogins> | null = null;
  const kernel = await kernelWith(
    {
      log,
      clock,
      services: (asked) => {
        accounts = createAccounts(asked, "+");
        logins = createLogins(asked, { log, clock });
        const usual: readonly CoreService[] = [
          [ServerFacts, facts],
          [Accounts, accounts],
          [Logins, logins],
          [LoginMethods, logins.methods],
          [Outbound, outbound],
          [Tables, createTables({ configDir: directory, log, clock, localDomains: [facts.origin, hostname] })],
          ...(resolver === null || clientNames === null
            ? []
            : [
                [Resolver, resolver] as const,
                [ClientNames, clientNames] as const,
                [NextHops, createNextHops({ kernel: asked, resolver, hostname })] as const,
              ]),
        ];
        const given = options.services ?? [];
        const isGiven = (name: string) => given.some(([token]) => token.name === name);
        return [...usual.filter(([{ name }]) => !isGiven(name)), ...given];
      },
    },
    ...plugins,
  );
  await kernel.start();
  if (accounts === null || logins === null) throw new Error("the kernel did not ask for services");
  const submit =
    options.submit ??
    createSubmit({
      kernel,
      accounts,
      facts,
      log,
      clock,
      spool,
      queue: { expect() {}, forget() {}, enqueue() {} },
      worker: 0,
    });
  const front = createSmtpFront({
    ...{ kernel, submit, logins: options.logins ?? logins, log, clock, config: { hostname, ...options.config } },
    ...(options.alarm === undefined ? {} : { alarm: options.alarm }),
    ...(clientNames === null ? {} : { clientNames }),
  });
  const listener = await openListener(
    {
      name: "test",
      role,
      place: { at: "port", host: "127.0.0.1", port: 0 },
      tls,
      limits: { connections: 1000, connectionsPerAddress: 1000 },
      ...options.listener,
    },
    { log, hostname, certificates, kernel, policies: "room", serve: front[role] },
  );
  const openedLogins: ReturnType<typeof createLogins> = logins;
  return Object.assign(spool, {
    port: "port" in listener.address ? listener.address.port : 0,
    kernel,
    listener,
    serve: front[role],
    close: async () => {
      await listener.close(options.drainMs ?? 50);
      await kernel.stop();
      outbound.close();
      await openedLogins.close();
      if ("close" in certificates && typeof certificates.close === "function") certificates.close();
      await rm(directory, { recursive: true });
    },
  });
}

class RememberingSpool implements Pick<Spool, "receive" | "accept" | "hasRoomFor"> {
  readonly accepted: Accepted[] = [];
  spoolFault: SmtpTestServer["spoolFault"] = "none";
  pieces = 0;
  opened = 0;
  aborted = 0;

  hasRoomFor(): boolean {
    return this.spoolFault !== "known to be full";
  }

  receive(): Intake {
    this.opened++;
    if (this.spoolFault === "full at once") throw new SpoolFull("no room");
    const pieces: Uint8Array[] = [];
    let sizeBytes = 0;
    let isAborted = false;
    return {
      get sizeBytes() {
        return sizeBytes;
      },
      write: (piece) => {
        this.#fail();
        this.pieces++;
        sizeBytes += piece.length;
        pieces.push(piece);
      },
      end: async () => {
        const whole = Buffer.concat(pieces);
        const end = whole.indexOf("\r\n\r\n");
        const at = end < 0 ? whole.length : end + 4;
        return createMessage(whole.subarray(0, at), at < whole.length ? [whole.subarray(at)] : []);
      },
      abort: async () => {
        if (!isAborted) this.aborted++;
        isAborted = true;
      },
    };
  }

  async accept(envelope: SpoolEnvelope, message: Message): Promise<void> {
    this.#fail();
    const text = Buffer.concat(message.inMemory() ?? []).toString("latin1");
    this.accepted.push({ envelope, text });
  }

  #fail(): void {
    if (this.spoolFault === "full") throw new SpoolFull("no room");
    if (this.spoolFault === "broken") throw new Error("EIO: the disk is on fire");
  }

  async settle(): Promise<void> {}
  async reschedule(): Promise<void> {}
  async hold(): Promise<void> {}
  async *list(): AsyncIterable<never> {}
  async remove(): Promise<void> {}
  async read(): Promise<null> {
    return null;
  }
  async *recovered(): AsyncIterable<never> {}
  async close(): Promise<void> {}
}
