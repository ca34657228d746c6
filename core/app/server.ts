/**
 * One server in one process: the config becomes services, a kernel, the queue and listeners, in that order; closing goes the
 * other way. Throws what failed, after having closed what was open.
 */
import { Accounts, LoginMethods, Logins } from "../contracts/account.ts";
import { AccountAdmins } from "../contracts/account-admin.ts";
import { Certificates } from "../contracts/certificates.ts";
import { ClientNames } from "../contracts/client-names.ts";
import type { Clock } from "../contracts/clock.ts";
import { Filing } from "../contracts/delivery.ts";
import { KeyValue } from "../contracts/key-value.ts";
import type { Log } from "../contracts/log.ts";
import { MailboxIndex } from "../contracts/mailbox-index.ts";
import { MailboxStore } from "../contracts/mailbox-store.ts";
import { NextHops } from "../contracts/next-hops.ts";
import { Notifier } from "../contracts/notifier.ts";
import { Outbound } from "../contracts/outbound.ts";
import { QueueControl } from "../contracts/queue-control.ts";
import { Quotas } from "../contracts/quota.ts";
import { Resolver } from "../contracts/resolver.ts";
import { ServerFacts } from "../contracts/server-facts.ts";
import type { Connection } from "../contracts/session.ts";
import { Sharing } from "../contracts/sharing.ts";
import { Spool } from "../contracts/spool.ts";
import { Submit } from "../contracts/submit.ts";
import { Tables } from "../contracts/tables.ts";
import { createKernel, type KernelRuntime } from "../kernel/kernel.ts";
import { type CoreService, isProvided } from "../kernel/services.ts";
import { installStrayFaultGuard } from "../kernel/strays.ts";
import { createKeyValue } from "../kv/key-value.ts";
import { createAccounts } from "../login/accounts.ts";
import { openLoginSecret } from "../login/login-secret.ts";
import { createLogins, type LoginsDeps } from "../login/logins.ts";
import { createMailboxIndex } from "../mailbox-index/mailbox-index.ts";
import { type CertificateReader, certificatesOnDisk } from "../net/certificate-reader.ts";
import { createClientNames } from "../net/dns/client-names.ts";
import { createResolver } from "../net/dns/resolver.ts";
import { type Listener, openListener } from "../net/listener.ts";
import { createOutbound } from "../outbound/outbound.ts";
import { createFiling } from "../queue/filing.ts";
import { createNextHops } from "../queue/next-hops.ts";
import type { Queue } from "../queue/queue.ts";
import { createQueue } from "../queue/spool-queue.ts";
import { createSubmit } from "../queue/submit.ts";
import { createQuotas } from "../quota/quotas.ts";
import { createSharing } from "../sharing/sharing.ts";
import { createSmtpFront } from "../smtp/front.ts";
import { smtpPeers } from "../smtp/peers.ts";
import { openSpool } from "../spool/open-spool.ts";
import { createTables } from "../tables/tables.ts";
import { createAccountAdmins } from "./account-admins.ts";
import type { ListenerConfig, ServerConfig } from "./config/server-config.ts";
import { keyValueDirectory, mailboxIndexDirectory, spoolDirectory } from "./data-directory.ts";
import { openLocalMail } from "./local-mail.ts";
import { providedSpool } from "./provided-spool.ts";
import { openPublicQueue, openQueueDesk } from "./queue-desk.ts";
import { openServerCertificates } from "./server-certificates.ts";
import { version } from "./version.ts";

export interface ServerParts {
  readonly config: ServerConfig;
  /** Number of this process's spool directory. */
  readonly slot: number;
  /** Without listeners the server only works off its spool. */
  readonly listens: boolean;
  /** Picks up mail of local programs: one process of a server does. */
  readonly picksUp?: boolean;
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Notifier;
  /** Tells the other workers to try what waits for a domain; `null`: there are none. */
  readonly flushElsewhere: ((domain: string) => void) | null;
  /** Called once what only root may read has been read, and before anything is written. */
  readonly dropPrivileges: () => void;
  /** Reads certificates also when they may not be read here any more. Left out: from disk. */
  readonly certificateReader?: CertificateReader;
}

export interface Server {
  readonly listeners: readonly { readonly name: string; readonly at: string }[];
  /** Tries what waits for a domain, at the word of another worker. */
  flush(domain: string): void;
  /** Stops accepting, lets sessions and deliveries end, flushes and closes. Safe to call once. */
  close(): Promise<void>;
}

const DRAIN_MS = 10_000;
/** For plugins that ask for a client's name where the banner does not wait for one. */
const PLUGIN_NAMES_MS = 5_000;

export async function openServer(parts: ServerParts): Promise<Server> {
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const step of closing.splice(0).reverse()) {
      try {
        await step();
      } catch (cause) {
        // The others are closed all the same, the spool above all.
        parts.log.error({ cause: String(cause) }, "not closed cleanly");
      }
    }
  };
  try {
    return { ...(await open(parts, (step) => closing.push(step))), close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function open(parts: ServerParts, onClose: (step: () => unknown) => void): Promise<Omit<Server, "close">> {
  const { config, log, clock } = parts;
  onClose(installStrayFaultGuard(log));
  const certificates = await openServerCertificates(config, {
    log,
    reader: parts.certificateReader ?? certificatesOnDisk,
  });
  onClose(() => certificates.close());
  parts.dropPrivileges();
  const { hostname, dataDir, origin, postmaster, recipientDelimiter } = config;
  const facts: ServerFacts = { hostname, dataDir, origin, postmaster, recipientDelimiter, version: version() };
  const ownSpool = isProvided(config.plugins, Spool)
    ? null
    : await openSpool({ dir: spoolDirectory(dataDir, parts.slot), log, clock, limits: config.spool });
  onClose(() => ownSpool?.close());
  // Opened at its first use: a server whose plugins keep nothing has no such directory.
  const keyValue = createKeyValue({ directory: keyValueDirectory(dataDir), ...config.keyValue, log, clock });
  onClose(() => keyValue.close());
  const index = { directory: mailboxIndexDirectory(dataDir), ...config.mailboxIndex };
  const mailboxIndex = createMailboxIndex({ ...index, log, clock });
  onClose(() => mailboxIndex.close());

  const loginSecret = await openLoginSecret(dataDir);

  const outbound = createOutbound({ hostname, clock, log });
  onClose(() => outbound.close());
  const made: { queue?: Queue } = {};
  const kernel = await createKernel(config.plugins, {
    log,
    clock,
    configDir: config.configDir,
    services: (kernel) => {
      const spool = ownSpool ?? providedSpool(kernel);
      const accounts = createAccounts(kernel, recipientDelimiter);
      const logins = createLogins(kernel, loginsDeps(parts, loginSecret));
      onClose(() => logins.close());
      const submit = createSubmit({
        kernel,
        accounts,
        facts,
        log,
        clock,
        spool,
        queue: {
          expect: (ids) => made.queue?.expect(ids),
          forget: (ids) => made.queue?.forget(ids),
          enqueue: (...accepted) => made.queue?.enqueue(...accepted),
        },
        hopsLimit: config.limits.hops,
        expansionLimit: config.limits.expansion,
        hiddenClients: new Set(
          config.listeners.filter(({ clientInReceived }) => clientInReceived === false).map(({ name }) => name),
        ),
        worker: parts.slot,
      });
      made.queue = createQueue({
        kernel,
        spool,
        submit,
        facts,
        log,
        clock,
        options: config.queue,
        reportTexts: config.reportTexts,
      });
      const resolver = createResolver({ clock, ...config.dns });
      const services: readonly CoreService[] = [
        [ServerFacts, facts],
        [
          Tables,
          createTables({
            configDir: config.configDir,
            log,
            clock,
            localDomains: [origin, hostname],
            recipientDelimiter,
          }),
        ],
        [Resolver, resolver],
        [ClientNames, createClientNames({ resolver, clock, timeoutMs: config.dns.clientNamesMs || PLUGIN_NAMES_MS })],
        [NextHops, createNextHops({ kernel, resolver, hostname })],
        [Outbound, outbound],
        [Notifier, parts.notifier],
        [KeyValue, keyValue],
        [MailboxIndex, mailboxIndex],
        [Certificates, certificates.ofServer],
        [Accounts, accounts],
        [Logins, logins],
        [LoginMethods, logins.methods],
        [AccountAdmins, createAccountAdmins()],
        [Submit, submit],
        [Spool, spool],
        [QueueControl, queueControl(made, parts.flushElsewhere)],
        [
          Quotas,
          createQuotas({
            options: config.quota,
            log,
            clock,
            warnings: {
              facts,
              keyValue: () => kernel.service(KeyValue),
              mailboxes: () => kernel.service(MailboxStore),
            },
          }),
        ],
        [
          Sharing,
          createSharing({
            ...{ store: () => kernel.service(MailboxStore), accounts, dataDir, options: config.sharing },
            ...{ notifier: parts.notifier, clock, log },
          }),
        ],
        [
          Filing,
          createFiling({
            ...{ kernel, submit, log },
            sharing: () => kernel.service(Sharing),
            whenFull: config.quota.whenFull,
          }),
        ],
      ];
      return services.filter(([token]) => !isProvided(config.plugins, token));
    },
  });
  await kernel.start();
  onClose(() => kernel.stop());
  const { picksUp = false } = parts;
  const localMail = picksUp
    ? await openLocalMail({
        ...{ config, facts, log, clock, options: config.queue, reportTexts: config.reportTexts },
        ...{ submit: kernel.service(Submit), spool: kernel.service(Spool) },
      })
    : null;
  await made.queue?.start();
  onClose(() => made.queue?.stop());
  if (made.queue) {
    const slotDirectory = spoolDirectory(dataDir, parts.slot);
    const room = { queue: made.queue, spool: kernel.service(Spool), clock, log };
    const desk = await openQueueDesk({ ...room, slotDirectory });
    onClose(() => desk?.close());
    const shown = await openPublicQueue(room, config, parts.slot);
    onClose(() => shown?.close());
  }
  if (localMail) onClose(await localMail.start());

  const listeners: Listener[] = [];
  onClose(() => Promise.all(listeners.map((listener) => listener.close(DRAIN_MS))));
  for (const listener of parts.listens ? config.listeners : []) {
    listeners.push(
      await openListener(listener, {
        log,
        hostname,
        certificates: certificates.ofListener(listener),
        kernel,
        ...serverOf(listener, parts, kernel),
      }),
    );
  }
  return {
    listeners: listeners.map(({ name, address }) => ({
      name,
      at: "path" in address ? address.path : `${address.host}:${address.port}`,
    })),
    flush: (domain) => {
      made.queue?.flushDomain(domain).catch((cause: unknown) => log.error({ err: cause, domain }, "queue run failed"));
    },
  };
}

function loginsDeps({ config, log, clock }: ServerParts, secret: Uint8Array): LoginsDeps {
  const { hostname, origin } = config;
  const { mechanisms, cramMd5, scramIterations, hashThreads, hashWaiting } = config.login;
  const passwords = { waiting: hashWaiting, ...(hashThreads !== null && { threads: hashThreads }) };
  return { log, clock, secret, hostname, origin, passwords, offer: { mechanisms, cramMd5 }, scramIterations };
}

/** Each worker has a queue of its own: all of them look, and only this one's figures are known here. */
const queueControl = (made: { readonly queue?: Queue }, elsewhere: ServerParts["flushElsewhere"]): QueueControl => ({
  async flush(domain) {
    elsewhere?.(domain);
    return { recipients: (await made.queue?.flushDomain(domain)) ?? 0, isWhole: elsewhere === null };
  },
});

/** Who speaks a listener's protocol, and who asks its policies. */
function serverOf(
  { name, role, limits, grants }: ListenerConfig,
  { config: { hostname, delayReject, dns }, log, clock }: ServerParts,
  kernel: KernelRuntime,
): { serve: (connection: Connection) => void; policies: "room" | "listener" } {
  if (role === "mx" || role === "submission" || role === "lmtp" || role === "reinject") {
    const config = { hostname, delayReject, limits, ...(grants && { peers: smtpPeers(grants) }) };
    const services = {
      submit: kernel.service(Submit),
      logins: kernel.service(Logins),
      ...(dns.clientNamesMs > 0 && { clientNames: kernel.service(ClientNames) }),
    };
    return { serve: createSmtpFront({ kernel, ...services, log, clock, config })[role], policies: "room" };
  }
  const serve = kernel.roles.get(role);
  if (!serve) throw new Error(`listener "${name}": no plugin serves the role "${role}"`);
  return { serve, policies: "listener" };
}
