/**
 * A server in this process, from a config file as an administrator writes it: submission, IMAP and POP3 with STARTTLS, SCRAM, tokens,
 * client certificates. Account `ann@example.org`, password `secret`; the token `ann-token`.
 */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../core/app/config/load-config.ts";
import { createNotifier } from "../../core/app/notifier.ts";
import { openServer, type Server } from "../../core/app/server.ts";
import { keptLog } from "../../core/testing/kernel.ts";

const TOKENS = `import { authenticated, definePlugin, LoginMethods, proceed } from "postern/plugin";

export default definePlugin({
  name: "auth-tokens",
  api: 1,
  needs: { methods: LoginMethods },
  setup({ needs }) {
    needs.methods.register({ methods: () => ["token"], hints: { scope: "mail" } });
    return {
      hooks: {
        auth: (attempt) =>
          attempt.kind === "token" && attempt.token === "ann-token" ? authenticated({ login: "ann@example.org" }) : proceed,
      },
    };
  },
});
`;

export interface LoginServerOptions {
  /** Lines of the section \`login:\`. */
  readonly login?: readonly string[];
  readonly password?: string;
  /** Entries in front of the others. */
  readonly plugins?: readonly string[];
}

export class LoginServer {
  readonly directory: string;
  readonly #server: Server;
  readonly lines: ReturnType<typeof keptLog>["lines"];

  private constructor(directory: string, server: Server, lines: ReturnType<typeof keptLog>["lines"]) {
    this.directory = directory;
    this.#server = server;
    this.lines = lines;
  }

  static async start({
    login = [],
    password = "{PLAIN}secret",
    plugins = [],
  }: LoginServerOptions = {}): Promise<LoginServer> {
    const directory = await mkdtemp(join(tmpdir(), "postern-login-"));
    makeCertificates(directory);
    const tls = "tls: optional, host: 127.0.0.1, port: 0, clientCertificates: ask, clientCa: ca.pem";
    await writeFile(join(directory, "auth-tokens.ts"), TOKENS);
    await writeFile(
      join(directory, "accounts.yaml"),
      `accounts:\n  - address: ann@example.org\n    password: "${password}"\n`,
      { mode: 0o600 },
    );
    await writeFile(
      join(directory, "postern.config.yaml"),
      [
        "hostname: localhost",
        "origin: example.org",
        "postmaster: ann@example.org",
        "tls: { cert: server.pem, key: server.key }",
        "workers: 1",
        ...(login.length > 0 ? ["login:", ...login.map((line) => `  ${line}`)] : []),
        "listeners:",
        ...["submission", "imap", "pop3"].map((role) => `  - { role: ${role}, name: ${role}, ${tls} }`),
        "plugins:",
        ...plugins.map((entry) => `  - ${entry}`),
        "  - ./auth-tokens.ts",
        "  - directory-file: { path: accounts.yaml, domains: [example.org] }",
        '  - store-maildir: { path: "{home}/Maildir/" }',
        "  - deliver-local",
        "  - access-imap",
        "  - access-pop3",
        "",
      ].join("\n"),
    );
    const loaded = await loadConfig({ file: "postern.config.yaml", cwd: directory });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
    const { log, lines } = keptLog();
    const server = await openServer({
      config: loaded.config,
      slot: 0,
      listens: true,
      log,
      clock: Date,
      notifier: createNotifier(null),
      flushElsewhere: null,
      dropPrivileges: () => undefined,
    });
    return new LoginServer(directory, server, lines);
  }

  port(name: "submission" | "imap" | "pop3"): number {
    return Number(
      this.#server.listeners
        .find((one) => one.name === name)
        ?.at.split(":")
        .at(-1),
    );
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  async close(): Promise<void> {
    await this.#server.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** An authority, and what it vouches for: `server` for localhost, `client` for ann. */
function makeCertificates(directory: string): void {
  const openssl = (...how: readonly string[]) => execFileSync("openssl", how, { cwd: directory, stdio: "ignore" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Postern tests");
  const signed = (name: string, subject: string, alternative: string) =>
    openssl(
      ...["req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.pem`, "-subj", subject],
      ...["-CA", "ca.pem", "-CAkey", "ca.key", "-addext", `subjectAltName=${alternative}`],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
    );
  signed("server", "/CN=localhost", "DNS:localhost");
  signed("client", "/CN=ann", "email:ann@example.org");
}
