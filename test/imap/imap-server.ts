/**
 * IMAP over real sockets in this process: listener, logins, kernel, `store-maildir` and `access-imap`, without the rest of
 * a server. User `ann`, password `secret`; also `bob`. Everything lives below one temporary directory.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "../../core/contracts/account.ts";
import { Logins } from "../../core/contracts/account.ts";
import { Certificates } from "../../core/contracts/certificates.ts";
import { type AccountMailboxes, MailboxStore } from "../../core/contracts/mailbox-store.ts";
import { Quotas } from "../../core/contracts/quota.ts";
import { ServerFacts } from "../../core/contracts/server-facts.ts";
import { Sharing } from "../../core/contracts/sharing.ts";
import { definePlugin } from "../../core/kernel/define.ts";
import type { KernelRuntime } from "../../core/kernel/kernel.ts";
import { authenticated, proceed, reject } from "../../core/kernel/verdicts.ts";
import { createLogins, type OpenLogins } from "../../core/login/logins.ts";
import { type OpenCertificates, openCertificates } from "../../core/net/certificates.ts";
import { type Listener, openListener } from "../../core/net/listener.ts";
import { ensureSelfSigned } from "../../core/net/self-signed.ts";
import type { QuotaOptions } from "../../core/quota/quota-rule.ts";
import { createQuotas } from "../../core/quota/quotas.ts";
import { createSharing } from "../../core/sharing/sharing.ts";
import type { SharedRoot, SharingOptions } from "../../core/sharing/sharing-options.ts";
import { keptLog, kernelWith, type Listed, type LogLine } from "../../core/testing/kernel.ts";
import { type TemporaryKeyValue, temporaryKeyValue } from "../../core/testing/temporary-key-value.ts";
import accessImap from "../../plugins/access-imap/index.ts";
import storeMaildir from "../../plugins/store-maildir/index.ts";

export const imapOptions = {
  maxMessageSize: 2 ** 26,
  maxLineSize: 65_536,
  maxCommandSize: 262_144,
  literals: "LITERAL+" as "LITERAL+" | "LITERAL-",
  idleTimeout: 1_800_000,
  loginTimeout: 180_000,
  sendTimeout: 300_000,
  maxSessionsPerUser: 200,
  maxSessionsPerUserAddress: 0,
  maxLoginFailures: 5,
  maxMistakes: 20,
  serverComment: "",
  serverAdmin: "",
};

const specialUse = { Drafts: "\\Drafts", Sent: "\\Sent", Trash: "\\Trash" };

/** `cid` may keep three messages, and hears of it at two. */
const quotaOf = (name: string) => (name === "cid" ? { quotaBytes: 4096, quotaMessages: 3 } : { quotaBytes: null });

const accountOf = (root: string, name: string): Account => {
  const address = { localPart: name, domain: "example.org", toString: () => `${name}@example.org` };
  return { login: name, addresses: [address], home: join(root, name), ...quotaOf(name) };
};

/** `Shared/sales` is the account `sales`, `Shared/forms` a directory that is nobody's; `ann` and `bob` are in the group `staff`. */
const sharingIn = (root: string): SharingOptions => ({
  otherUsers: "Other Users",
  shared: "Shared",
  roots: new Map<string, SharedRoot>([
    ["sales", { at: "account", login: "sales" }],
    ["forms", { at: "home", home: join(root, "forms") }],
  ]),
  groups: new Map([["staff", new Set(["ann", "bob"])]]),
  mayShareWithAll: false,
});

const users = (root: string) =>
  definePlugin({
    name: "auth-test",
    api: 1,
    setup: () => ({
      hooks: {
        auth(attempt) {
          if (attempt.kind !== "password") return proceed;
          if (attempt.login === "blocked") return reject("Not from here [really]");
          if (!["ann", "bob", "cid"].includes(attempt.login) || attempt.password !== "secret") return proceed;
          return authenticated({ login: attempt.login, account: accountOf(root, attempt.login) });
        },
      },
    }),
  });

const quotas: QuotaOptions = {
  usual: { bytes: null, messages: null },
  softPercent: 66,
  folders: new Map([["Junk", { isIgnored: true, extra: { bytes: 0, messages: 0 } }]]),
  warnAtPercent: [],
  warnAgainAfterMs: 0,
  warningSubject: "",
  warningText: "",
  whenFull: "defer",
};

export class ImapServer {
  readonly port: number;
  readonly tlsPort: number;
  readonly root: string;
  readonly logLines: readonly LogLine[];
  /** For what comes to mailboxes by other ways. */
  readonly kernel: KernelRuntime;
  readonly #logins: OpenLogins;
  readonly #certificates: OpenCertificates;
  readonly #keyValue: TemporaryKeyValue;
  readonly #listeners: readonly Listener[];

  private constructor(parts: {
    root: string;
    lines: readonly LogLine[];
    kernel: KernelRuntime;
    logins: OpenLogins;
    certificates: OpenCertificates;
    keyValue: TemporaryKeyValue;
    listeners: readonly [Listener, Listener];
  }) {
    this.root = parts.root;
    this.logLines = parts.lines;
    this.kernel = parts.kernel;
    this.#logins = parts.logins;
    this.#certificates = parts.certificates;
    this.#keyValue = parts.keyValue;
    this.#listeners = parts.listeners;
    [this.port, this.tlsPort] = parts.listeners.map(({ address }) => ("port" in address ? address.port : 0)) as [
      number,
      number,
    ];
  }

  /** `tls`: of the listener that begins in clear. */
  static async start(
    options: Partial<typeof imapOptions> = {},
    tls: "optional" | "required" = "optional",
    more: readonly Listed[] = [],
  ): Promise<ImapServer> {
    const root = await mkdtemp(join(tmpdir(), "postern-imap-"));
    const { log, lines } = keptLog();
    const files = { cert: join(root, "cert.pem"), key: join(root, "key.pem") };
    await ensureSelfSigned(files, { hostname: "mx.example.org" });
    const certificates = await openCertificates(files, { log });
    const facts: ServerFacts = {
      hostname: "mx.example.org",
      dataDir: root,
      origin: "example.org",
      postmaster: accountOf(root, "postmaster").addresses[0] as ServerFacts["postmaster"],
      recipientDelimiter: "+",
      version: "0",
    };
    const keyValue = await temporaryKeyValue();
    let logins: OpenLogins | undefined;
    const kernel = await kernelWith(
      {
        log,
        configDir: root,
        services: (asked) => {
          logins = createLogins(asked, { log, clock: Date });
          return [
            [Logins, logins],
            [ServerFacts, facts],
            [Certificates, certificates],
            keyValue.service,
            [Quotas, createQuotas({ options: quotas, log, clock: Date, warnings: null })],
            [
              Sharing,
              createSharing({
                ...{ store: () => asked.service(MailboxStore), dataDir: root, options: sharingIn(root) },
                accounts: {
                  byLogin: async (login) =>
                    ["ann", "bob", "sales"].includes(login)
                      ? { at: "found", account: accountOf(root, login) }
                      : { at: "unknown" },
                },
                ...{ notifier: null, clock: Date, log },
              }),
            ],
          ];
        },
      },
      users(root),
      [storeMaildir, { path: "{home}/Maildir/", layout: "maildir++", specialUse, maxWatches: 100, checkEvery: 30_000 }],
      ...more,
      [accessImap, { ...imapOptions, ...options }],
    );
    await kernel.start();
    const serve = kernel.roles.get("imap");
    if (!serve || !logins) throw new Error("nobody serves imap");
    const deps = { log, hostname: "mx.example.org", certificates, kernel, policies: "listener", serve } as const;
    const limits = { connections: 1000, connectionsPerAddress: 1000 };
    const spec = { role: "imap", place: { at: "port", host: "127.0.0.1", port: 0 }, limits } as const;
    const clear = await openListener({ ...spec, name: "imap", tls }, deps);
    const secure = await openListener({ ...spec, name: "imaps", tls: "implicit" }, deps);
    return new ImapServer({ root, lines, kernel, logins, certificates, keyValue, listeners: [clear, secure] });
  }

  accountOf(name: string): Account {
    return accountOf(this.root, name);
  }

  mailboxesOf(name: string): Promise<AccountMailboxes> {
    return this.kernel.service(MailboxStore).of(accountOf(this.root, name));
  }

  get connections(): number {
    return this.#listeners.reduce((sum, { connections }) => sum + connections, 0);
  }

  async closeListeners(drainMs = 1000): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close(drainMs)));
  }

  async stop(): Promise<void> {
    await this.closeListeners();
    await this.kernel.stop();
    await this.#logins.close();
    this.#certificates.close();
    await this.#keyValue.close();
    await rm(this.root, { recursive: true, force: true });
  }
}
