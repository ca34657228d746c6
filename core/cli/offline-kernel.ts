/**
 * The operator's plugins, set up but not started, for commands that look at them: no socket is opened, no mail is touched.
 * Services that need a running server are there and refuse to work. Throws `CommandError` with all mistakes of the plugins.
 */
import { createAccountAdmins } from "../app/account-admins.ts";
import type { ServerConfig } from "../app/config/server-config.ts";
import { createNotifier } from "../app/notifier.ts";
import { version } from "../app/version.ts";
import { Accounts, LoginMethods, Logins } from "../contracts/account.ts";
import { AccountAdmins } from "../contracts/account-admin.ts";
import { Certificates } from "../contracts/certificates.ts";
import { ClientNames } from "../contracts/client-names.ts";
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
import type { Service } from "../contracts/service.ts";
import { Sharing } from "../contracts/sharing.ts";
import { Spool } from "../contracts/spool.ts";
import { Submit } from "../contracts/submit.ts";
import { Tables } from "../contracts/tables.ts";
import { TlsReporters } from "../contracts/tls-reports.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { createKernel, type KernelRuntime } from "../kernel/kernel.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import { type CoreService, isProvided } from "../kernel/services.ts";
import { closedKeyValue } from "../kv/closed-key-value.ts";
import { createAccounts } from "../login/accounts.ts";
import { createClientNames } from "../net/dns/client-names.ts";
import { createResolver } from "../net/dns/resolver.ts";
import { createNextHops } from "../queue/next-hops.ts";
import { createQuotas } from "../quota/quotas.ts";
import { createSharing } from "../sharing/sharing.ts";
import { createTables } from "../tables/tables.ts";
import { CommandError } from "./command-error.ts";

export interface OfflineKernel {
  readonly kernel: KernelRuntime;
  readonly admins: AccountAdmins;
  readonly tlsReporters: TlsReporters;
  readonly accounts: Accounts;
  readonly resolver: Resolver;
}

function createTlsReporters(): TlsReporters {
  const all: TlsReporters["all"][number][] = [];
  return { all, register: (reporter) => void all.push(reporter) };
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** Stands in for a service that only a running server has. */
const notRunning = (token: Service<unknown>): CoreService => {
  const refuse = () => {
    throw new Error(`${token.name} is not there: the server is not running`);
  };
  // A proxy is no promise, whoever asks.
  const service = new Proxy({}, { get: (_, key) => (key === "then" ? undefined : refuse) });
  return [token, service];
};

/** `keyValue`: for what reads in it; without one it refuses. */
export async function openOfflineKernel(
  config: ServerConfig,
  log: Log = quiet,
  keyValue: KeyValue = closedKeyValue(),
): Promise<OfflineKernel> {
  const { configDir, dataDir, hostname, origin, postmaster, recipientDelimiter } = config;
  const admins = createAccountAdmins();
  const tlsReporters = createTlsReporters();
  const resolver = createResolver({ clock: Date, ...config.dns });
  const accounts: { current: Accounts | null } = { current: null };
  try {
    const kernel = await createKernel(config.plugins, {
      log,
      clock: Date,
      configDir,
      services: (kernel) => {
        accounts.current = createAccounts(kernel, recipientDelimiter);
        const certificates: Certificates = {
          isAvailable: config.tls !== null,
          serverOptions: () => {
            throw new Error("the server is not running");
          },
        };
        const services: readonly CoreService[] = [
          [ServerFacts, { hostname, dataDir, origin, postmaster, recipientDelimiter, version: version() }],
          [Tables, createTables({ configDir, log, clock: Date, localDomains: [origin, hostname], recipientDelimiter })],
          [Resolver, resolver],
          [ClientNames, createClientNames({ resolver, clock: Date, timeoutMs: config.dns.clientNamesMs || 5_000 })],
          [NextHops, createNextHops({ kernel, resolver, hostname })],
          [Notifier, createNotifier(null)],
          [KeyValue, keyValue],
          // Stores do without: what a command finds out about mailboxes is not worth keeping.
          [MailboxIndex, { open: async () => null, forget() {} }],
          [Certificates, certificates],
          [Accounts, accounts.current],
          [AccountAdmins, admins],
          [TlsReporters, tlsReporters],
          [LoginMethods, { register() {} }],
          [Quotas, createQuotas({ options: config.quota, log, clock: Date, warnings: null })],
          [
            Sharing,
            createSharing({
              ...{ store: () => kernel.service(MailboxStore), accounts: accounts.current, dataDir },
              ...{ options: config.sharing, notifier: null, clock: Date, log },
            }),
          ],
          ...[Logins, Outbound, Filing, Submit, Spool, QueueControl].map(notRunning),
        ];
        return services.filter(([token]) => !isProvided(config.plugins, token));
      },
    });
    return {
      kernel,
      admins,
      tlsReporters,
      accounts: accounts.current ?? createAccounts(kernel, recipientDelimiter),
      resolver,
    };
  } catch (error) {
    if (error instanceof KernelError) throw new CommandError(error.message, exitCodes.config, { cause: error });
    throw error;
  }
}
