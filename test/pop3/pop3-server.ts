/**
 * POP3 over real sockets in this process: listener, logins, kernel, `store-maildir` and `access-pop3`. Users `ann`, `bob` and `jürgen`,
 * password `secret word`; `nobody` has no mailbox. Everything lives below one temporary directory.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Account, Logins } from "../../core/contracts/account.ts";
import { Certificates } from "../../core/contracts/certificates.ts";
import type { Clock } from "../../core/contracts/clock.ts";
import { type AccountMailboxes, MailboxStore } from "../../core/contracts/mailbox-store.ts";
import { ServerFacts } from "../../core/contracts/server-facts.ts";
import type { ListenerTls } from "../../core/contracts/session.ts";
import { definePlugin } from "../../core/kernel/define.ts";
import { authenticated, proceed, reject } from "../../core/kernel/verdicts.ts";
import { createLogins, type OpenLogins } from "../../core/login/logins.ts";
import { openCertificates } from "../../core/net/certificates.ts";
import { type Listener, openListener } from "../../core/net/listener.ts";
import { ensureSelfSigned } from "../../core/net/self-signed.ts";
import { keptLog, kernelWith, type LogLine } from "../../core/testing/kernel.ts";
import { addressOf } from "../../core/testing/mail.ts";
import { temporaryKeyValue } from "../../core/testing/temporary-key-value.ts";
import accessPop3 from "../../plugins/access-pop3/index.ts";
import type { Options } from "../../plugins/access-pop3/options.ts";
import storeMaildir from "../../plugins/store-maildir/index.ts";
import { pop3Options } from "./pop3-options.ts";

const storeOptions = {
  path: "{home}/Maildir/",
  layout: "maildir++",
  specialUse: {},
  maxWatches: 100,
  checkEvery: 30_000,
};

const accountOf = (root: string, name: string): Account => ({
  login: name,
  addresses: [addressOf(`${name}@example.org`)],
  home: join(root, name),
  quotaBytes: null,
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
          if (attempt.login === "jürgen" && attempt.password === "schlüssel")
            return authenticated({ login: "jürgen", account: accountOf(root, "jurgen") });
          if (attempt.password !== "secret word") return proceed;
          if (attempt.login === "nobody") return authenticated({ login: "nobody" });
          if (!["ann", "bob"].includes(attempt.login)) return proceed;
          return authenticated({ login: attempt.login, account: accountOf(root, attempt.login) });
        },
      },
    }),
  });

export interface Pop3Server {
  /** Ports by the listener's TLS; `proxied`: clients begin with a PROXY header that says where they come from. */
  readonly ports: Readonly<Record<"optional" | "required" | "implicit" | "proxied", number>>;
  readonly root: string;
  readonly logLines: readonly LogLine[];
  mailboxesOf(name: string): Promise<AccountMailboxes>;
  drain(graceMs: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startPop3(options: Partial<Options> = {}, clock: Clock = Date): Promise<Pop3Server> {
  const root = await mkdtemp(join(tmpdir(), "postern-pop3-"));
  const { log, lines } = keptLog();
  const files = { cert: join(root, "cert.pem"), key: join(root, "key.pem") };
  await ensureSelfSigned(files, { hostname: "mx.example.org" });
  const certificates = await openCertificates(files, { log });
  const facts: ServerFacts = {
    hostname: "mx.example.org",
    dataDir: root,
    origin: "example.org",
    postmaster: addressOf("postmaster@example.org"),
    recipientDelimiter: "+",
    version: "0",
  };
  let logins: OpenLogins | undefined;
  const keyValue = await temporaryKeyValue({ clock });
  const kernel = await kernelWith(
    {
      log,
      clock,
      configDir: root,
      services: (asked) => {
        logins = createLogins(asked, { log, clock: Date });
        return [[Logins, logins], [ServerFacts, facts], [Certificates, certificates], keyValue.service];
      },
    },
    users(root),
    [storeMaildir, storeOptions],
    [accessPop3, { ...pop3Options, ...options }],
  );
  await kernel.start();
  const serve = kernel.roles.get("pop3");
  if (!serve) throw new Error("nobody serves pop3");
  const deps = { log, hostname: "mx.example.org", certificates, kernel, policies: "listener", serve } as const;
  const open = (tls: ListenerTls, proxyFrom: readonly string[] = []): Promise<Listener> =>
    openListener(
      {
        name: `pop3-${tls}`,
        role: "pop3",
        proxyFrom,
        place: { at: "port", host: "127.0.0.1", port: 0 },
        limits: { connections: 100, connectionsPerAddress: 100 },
        tls,
      },
      deps,
    );
  const listeners = [
    await open("optional"),
    await open("required"),
    await open("implicit"),
    await open("optional", ["127.0.0.1"]),
  ];
  const [optional = 0, required = 0, implicit = 0, proxied = 0] = listeners.map(({ address }) =>
    "port" in address ? address.port : 0,
  );
  const drain = async (graceMs: number) => {
    await Promise.all(listeners.map((listener) => listener.close(graceMs)));
  };
  return {
    ports: { optional, required, implicit, proxied },
    root,
    logLines: lines,
    mailboxesOf: (name) => kernel.service(MailboxStore).of(accountOf(root, name)),
    drain,
    async stop() {
      await drain(100);
      await kernel.stop();
      await logins?.close();
      certificates.close();
      await keyValue.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}
