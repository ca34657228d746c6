/** Every extension that a real Postfix uses, towards us and from us. */
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../server/ports.ts";
import { alice, bob, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { Postfix } from "./postfix.ts";
import { describeWith, run } from "./programs.ts";

const isRoot = process.getuid?.() === 0;

describeWith(["postfix", "swaks"], "a Postfix beside us", () => {
  let server: RunningServer;
  let postfix: Postfix;
  /** Where Postfix's lmtp(8), which is not root, may go. */
  let sockets: string;

  beforeAll(async () => {
    if (!isRoot) return;
    sockets = await mkdtemp(join(tmpdir(), "postern-sockets-"));
    await chmod(sockets, 0o755);
    const port = await freePort();
    server = await RunningServer.start({
      plugins: (usual) =>
        usual.map((line) =>
          line === "- deliver-smtp" ? `- deliver-smtp: { smarthost: "[127.0.0.1]:${port}" }` : line,
        ),
      listeners: (usual) => [
        ...usual.map((line) =>
          line.includes("role: mx") ? line.replace(" }", ", xforward: [127.0.0.1], xclient: [127.0.0.1] }") : line,
        ),
        `- { role: lmtp, path: ${join(sockets, "lmtp.sock")}, mode: "0666" }`,
      ],
    });
    postfix = await Postfix.start({
      port,
      relayPort: server.ports.mx,
      settings: [
        "smtputf8_enable = yes",
        "smtp_tls_security_level = may",
        "smtp_send_xforward_command = yes",
        "smtpd_authorized_xforward_hosts = 127.0.0.1",
        "smtpd_authorized_xclient_hosts = 127.0.0.1",
        "lmtp_send_xforward_command = yes",
        "smtpd_recipient_restrictions = permit_auth_destination, permit_mynetworks, reject",
      ],
    });
  });
  afterAll(async () => {
    await postfix?.stop();
    await server?.stop();
    if (sockets !== undefined) await rm(sockets, { recursive: true, force: true });
  });

  const toPostfix = (...args: string[]) =>
    run("swaks", ["--server", `127.0.0.1:${postfix.port}`, "--ehlo", "client.example", "--timeout", "150", ...args]);

  it.runIf(isRoot)("relays into us over STARTTLS, with SIZE, 8BITMIME and XFORWARD", async () => {
    const { exitCode, output } = await toPostfix(
      "--xclient-addr",
      "192.0.2.77",
      "--xclient-name",
      "far.client.example",
      "--from",
      "sender@example.net",
      "--to",
      bob.address,
      "--header",
      "Subject: by xforward",
      "--body",
      "žluťoučký kůň",
      "--add-header",
      "Content-Type: text/plain; charset=utf-8",
    );
    expect(exitCode, output).toBe(0);
    const source = await arrival(server.ports.imaps, bob, (text) => text.includes("Subject: by xforward"));
    expect(source).toMatch(/with ESMTPS id/);
    expect(source).toContain("žluťoučký kůň");
    await server.logged((line) => JSON.stringify(line).includes("192.0.2.77"));
  });

  it.runIf(isRoot)("hands over the sender's wishes for notifications", async () => {
    const submission = createTransport({
      ...{ host: "127.0.0.1", port: server.ports.submissions, secure: true, tls: { rejectUnauthorized: false } },
      auth: { user: alice.address, pass: alice.password },
    });
    await submission.sendMail({
      ...{ from: alice.address, to: "good@far.example", subject: "notify me", text: "hello" },
      dsn: { id: "wish-1", return: "headers", notify: ["success"], recipient: "good@far.example" },
    });
    submission.close();
    // Postfix speaks DSN, so it is Postfix that tells of the success.
    const report = await arrival(
      server.ports.imaps,
      alice,
      (text) => text.includes("good@far.example") && text.includes("Action: delivered"),
    );
    expect(report).toContain("Reporting-MTA: dns; far.example");
  });

  it.runIf(isRoot)("takes an international address from us", async () => {
    const { exitCode, output } = await run("python3", [
      "-c",
      [
        "import smtplib, ssl, sys",
        "c = ssl.create_default_context(); c.check_hostname = False; c.verify_mode = ssl.CERT_NONE",
        "s = smtplib.SMTP_SSL('127.0.0.1', int(sys.argv[1]), context=c); s.login(sys.argv[2], sys.argv[3])",
        "s.ehlo(); s.sendmail(sys.argv[2], ['grün@far.example'], 'Subject: international\\r\\n\\r\\nhello\\r\\n', mail_options=['SMTPUTF8'])",
      ].join("\n"),
      `${server.ports.submissions}`,
      alice.address,
      alice.password,
    ]);
    expect(exitCode, output).toBe(0);
    // Postfix has no such mailbox: it understood the address and said so.
    const bounce = await arrival(server.ports.imaps, alice, (text) => text.includes("grün@far.example"));
    expect(bounce).toMatch(/Status: 5\.1\.1/);
  });

  it.runIf(isRoot)("speaks LMTP to us over a unix socket, and each recipient is answered", async () => {
    const transport = `lmtp:unix:${join(sockets, "lmtp.sock")}`;
    await postfix.change({ transport_maps: `inline:{ { example.org = ${transport} } }` });
    const { exitCode, output } = await toPostfix(
      ...["--from", "sender@example.net", "--to", `${bob.address},${alice.address}`],
      ...["--header", "Subject: by lmtp"],
    );
    expect(exitCode, output).toBe(0);
    for (const one of [bob, alice]) {
      const source = await arrival(server.ports.imaps, one, (text) => text.includes("Subject: by lmtp"));
      expect(source).toMatch(/with LMTP/);
    }
    expect(await readFile(join(postfix.directory, "log/mail.log"), "utf8")).toMatch(
      /to=<bob@example\.org>, relay=[^ ]*lmtp\.sock\], .* status=sent \(250 2\.0\.0/,
    );
  });
});
