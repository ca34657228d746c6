/** Other people's programs log in with what they know: msmtp and mutt (GNU SASL), curl, swaks, Python. */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith, run } from "../clients/programs.ts";
import { LoginServer } from "./login-server.ts";

let server: LoginServer;
beforeAll(async () => {
  server = await LoginServer.start({ login: ["cramMd5: true"] });
});
afterAll(() => server.close());

const login = "ann@example.org";
const mail = `From: ${login}\nTo: ${login}\nSubject: login\n\nhello\n`;

/** The mechanism of the last login, as the log says it. */
const lastLogin = () => server.lines.filter(({ text }) => text === "logged in").at(-1)?.fields;

describeWith(["msmtp"], "msmtp", () => {
  const send = (...how: readonly string[]) =>
    run(
      "msmtp",
      [
        ...["--file=/dev/null", "--host=localhost", `--port=${server.port("submission")}`, "--tls=on"],
        ...[`--tls-trust-file=${server.file("ca.pem")}`, `--user=${login}`, `--from=${login}`, ...how, login],
      ],
      { input: mail },
    );

  it.each(["scram-sha-256", "scram-sha-1", "cram-md5", "plain", "login"])("%s", async (mechanism) => {
    const { exitCode, output } = await send(`--auth=${mechanism}`, "--passwordeval=echo secret");
    expect(exitCode, output).toBe(0);
    expect(lastLogin()).toMatchObject({ mechanism: mechanism.toUpperCase(), as: login });
  });

  it.each(["oauthbearer", "xoauth2"])("%s, and the refusal of a bad token", async (mechanism) => {
    const { exitCode, output } = await send(`--auth=${mechanism}`, "--passwordeval=echo ann-token");
    expect(exitCode, output).toBe(0);
    expect(lastLogin()).toMatchObject({ mechanism: mechanism.toUpperCase() });
    const refused = await send(`--auth=${mechanism}`, "--passwordeval=echo stolen");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.output).toContain("5.7.8");
  });

  it("external, with a client certificate", async () => {
    const own = [`--tls-cert-file=${server.file("client.pem")}`, `--tls-key-file=${server.file("client.key")}`];
    const { exitCode, output } = await send("--auth=external", ...own);
    expect(exitCode, output).toBe(0);
    expect(lastLogin()).toMatchObject({ mechanism: "EXTERNAL", as: login });
  });

  it("is refused with a wrong password by SCRAM", async () => {
    const { exitCode, output } = await send("--auth=scram-sha-256", "--passwordeval=echo wrong");
    expect(exitCode).not.toBe(0);
    expect(output).toContain("535");
  });
});

describeWith(["mutt"], "mutt", () => {
  it.each(["scram-sha-256", "scram-sha-1"])("sends, logged in by %s", async (mechanism) => {
    const rc = server.file(`muttrc-${mechanism}`);
    await writeFile(
      rc,
      [
        `set smtp_url="smtp://ann%40example.org@localhost:${server.port("submission")}/"`,
        'set smtp_pass="secret"',
        `set smtp_authenticators="${mechanism}"`,
        "set ssl_force_tls=yes ssl_starttls=yes",
        `set certificate_file="${server.file("ca.pem")}"`,
        `set from="${login}" copy=no`,
        "",
      ].join("\n"),
    );
    const { exitCode, output } = await run("mutt", ["-n", "-F", rc, "-s", "login", login], {
      input: "hello\n",
      env: { HOME: server.directory, TERM: "dumb" },
    });
    expect(exitCode, output).toBe(0);
    expect(lastLogin()).toMatchObject({ mechanism: mechanism.toUpperCase() });
  });
});

describeWith(["curl"], "curl", () => {
  const ask = (protocol: "imap" | "pop3", ...how: readonly string[]) =>
    run("curl", [
      ...["--silent", "--show-error", "--ssl-reqd", "--cacert", server.file("ca.pem"), ...how],
      `${protocol}://localhost:${server.port(protocol)}/`,
    ]);

  describe.each(["imap", "pop3"] as const)("%s", (protocol) => {
    it.each(["CRAM-MD5", "PLAIN", "LOGIN"])("%s", async (mechanism) => {
      const { exitCode, output } = await ask(protocol, "--login-options", `AUTH=${mechanism}`, "-u", `${login}:secret`);
      expect(exitCode, output).toBe(0);
      expect(lastLogin()).toMatchObject({ mechanism, protocol });
    });

    // Told to use XOAUTH2, this curl takes OAUTHBEARER all the same where both are offered.
    it("OAUTHBEARER", async () => {
      const mechanism = "OAUTHBEARER";
      const how = ["-u", login, "--oauth2-bearer"];
      const { exitCode, output } = await ask(protocol, ...how, "ann-token");
      expect(exitCode, output).toBe(0);
      expect(lastLogin()).toMatchObject({ mechanism, protocol });
      // 67: the login was refused
      expect((await ask(protocol, ...how, "stolen")).exitCode).toBe(67);
    });

    it("EXTERNAL", async () => {
      const own = ["--cert", server.file("client.pem"), "--key", server.file("client.key")];
      const { exitCode, output } = await ask(protocol, "--login-options", "AUTH=EXTERNAL", "-u", `${login}:`, ...own);
      expect(exitCode, output).toBe(0);
      expect(lastLogin()).toMatchObject({ mechanism: "EXTERNAL", protocol });
    });
  });
});

describeWith(["swaks"], "swaks", () => {
  it.each(["CRAM-MD5", "PLAIN", "LOGIN"])("%s", async (mechanism) => {
    const { exitCode, output } = await run("swaks", [
      ...["--server", "127.0.0.1", "--port", String(server.port("submission")), "--tls", "--auth", mechanism],
      ...["--auth-user", login, "--auth-password", "secret", "--from", login, "--to", login],
    ]);
    expect(exitCode, output).toBe(0);
    expect(lastLogin()).toMatchObject({ mechanism });
  });
});

describeWith(["python3"], "Python's imaplib", () => {
  it("CRAM-MD5, and AUTHENTICATE with a mechanism of its own", async () => {
    const script = `
import imaplib, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
for how in ("cram", "token"):
    m = imaplib.IMAP4("localhost", port)
    m.starttls(ssl.create_default_context(cafile=ca))
    if how == "cram":
        m.login_cram_md5("${login}", "secret")
    else:
        m.authenticate("XOAUTH2", lambda _: b"user=${login}\\x01auth=Bearer ann-token\\x01\\x01")
    print(m.select("INBOX")[0])
    m.logout()
`;
    const { exitCode, output } = await run("python3", [
      "-c",
      script,
      String(server.port("imap")),
      server.file("ca.pem"),
    ]);
    expect(exitCode, output).toBe(0);
    expect(output.trim().split("\n")).toEqual(["OK", "OK"]);
  });
});

describe("what a mechanism needs", () => {
  it("SCRAM is not offered where a hash of another kind is stored, and passwords work as before", async () => {
    const salted = await LoginServer.start({ password: "{SSHA}OJdSIZnaGCGi8TcRhrGIEi4a+GkVGrUc" });
    try {
      const capabilities = await run("curl", [
        ...["--silent", "--verbose", "--ssl-reqd", "--cacert", salted.file("ca.pem"), "-u", `${login}:wrong`],
        `imap://localhost:${salted.port("imap")}/`,
      ]);
      expect(capabilities.output).toContain("AUTH=PLAIN");
      expect(capabilities.output).not.toContain("SCRAM");
    } finally {
      await salted.close();
    }
  });
});
