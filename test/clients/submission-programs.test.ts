/** Programs and libraries that people submit mail with: msmtp, nodemailer, Python's smtplib. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alice, bob, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.prepare({ config: ["login: { cramMd5: true }"] });
  // Kept in clear, so that every mechanism can be tried.
  const accounts = [alice, bob].map(
    ({ address, password }) => `  - { address: ${address}, password: "{PLAIN}${password}" }\n`,
  );
  await writeFile(join(server.directory, "accounts.yaml"), `accounts:\n${accounts.join("")}`);
  await server.startProcess();
});
afterAll(() => server?.stop());

const arrived = (subject: string) =>
  arrival(server.ports.imaps, bob, (source) => source.includes(`Subject: ${subject}\r\n`));

describeWith(["msmtp"], "msmtp", () => {
  it.each([
    ["PLAIN over STARTTLS", "plain", "on"],
    ["PLAIN over implicit TLS", "plain", "off"],
    ["LOGIN", "login", "on"],
    ["SCRAM-SHA-1", "scram-sha-1", "on"],
    ["SCRAM-SHA-256", "scram-sha-256", "off"],
  ])("sends, logged in by %s", async (name, mechanism, starttls) => {
    const port = starttls === "on" ? server.ports.submission : server.ports.submissions;
    const subject = `msmtp ${name}`;
    const { exitCode, output } = await run(
      "msmtp",
      [
        "--file=/dev/null",
        "--host=127.0.0.1",
        `--port=${port}`,
        "--tls=on",
        `--tls-starttls=${starttls}`,
        "--tls-certcheck=off",
        `--auth=${mechanism}`,
        `--user=${alice.address}`,
        `--passwordeval=echo '${alice.password}'`,
        `--from=${alice.address}`,
        bob.address,
      ],
      { input: `From: ${alice.address}\nTo: ${bob.address}\nSubject: ${subject}\n\nhello\n` },
    );
    expect(exitCode, output).toBe(0);
    expect(await arrived(subject)).toMatch(/with ESMTPSA/);
  });

  it("is told the reply when the password is wrong", async () => {
    const { exitCode, output } = await run(
      "msmtp",
      [
        "--file=/dev/null",
        "--host=127.0.0.1",
        `--port=${server.ports.submission}`,
        "--tls=on",
        "--tls-certcheck=off",
        "--auth=plain",
        `--user=${alice.address}`,
        "--passwordeval=echo wrong",
        `--from=${alice.address}`,
        bob.address,
      ],
      { input: "Subject: never\n\n" },
    );
    expect(exitCode).not.toBe(0);
    expect(output).toContain("535");
  });
});

describe("nodemailer", () => {
  const transport = (options: object) =>
    createTransport({
      host: "127.0.0.1",
      tls: { rejectUnauthorized: false },
      auth: { user: alice.address, pass: alice.password },
      ...options,
    });

  it("sends several messages at once through a pool of connections", async () => {
    const pool = transport({ port: server.ports.submissions, secure: true, pool: true, maxConnections: 3 });
    const subjects = Array.from({ length: 12 }, (_, index) => `pooled ${index}`);
    await Promise.all(
      subjects.map((subject) => pool.sendMail({ from: alice.address, to: bob.address, subject, text: "hello" })),
    );
    pool.close();
    for (const subject of subjects) await arrived(subject);
  });

  it("asks for a notification and gets it", async () => {
    const over = transport({ port: server.ports.submission, requireTLS: true });
    await over.sendMail({
      from: alice.address,
      to: bob.address,
      subject: "tell me",
      text: "hello",
      dsn: { id: "envelope-42", return: "headers", notify: ["success"], recipient: bob.address },
    });
    over.close();
    const report = await arrival(server.ports.imaps, alice, (source) => source.includes("envelope-42"));
    expect(report).toMatch(/Original-Envelope-Id: envelope-42\r\n/);
    expect(report).toMatch(/Action: delivered\r\n/);
  });

  it("logs in by CRAM-MD5 where that is switched on", async () => {
    const cram = transport({ port: server.ports.submissions, secure: true, authMethod: "CRAM-MD5" });
    await expect(cram.verify()).resolves.toBe(true);
    cram.close();
  });
});

describeWith(["python3"], "smtplib", () => {
  const python = async (name: string, lines: readonly string[]) => {
    const file = join(server.directory, name);
    const prelude = [
      "import smtplib, ssl, sys",
      "from email.message import EmailMessage",
      "context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE",
      "submission, submissions, sender, password, recipient = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:6]",
    ];
    await writeFile(file, [...prelude, ...lines, ""].join("\n"));
    const { submission, submissions } = server.ports;
    return run("python3", [file, `${submission}`, `${submissions}`, alice.address, alice.password, bob.address]);
  };

  it("sends over STARTTLS with 8BITMIME, and refuses nothing that it may use", async () => {
    const { exitCode, output } = await python("eight.py", [
      "with smtplib.SMTP('127.0.0.1', submission) as smtp:",
      "    smtp.starttls(context=context); smtp.login(sender, password)",
      "    message = EmailMessage(); message['From'] = sender; message['To'] = recipient; message['Subject'] = 'smtplib eight'",
      "    message.set_content('žluťoučký kůň', cte='8bit')",
      "    smtp.send_message(message, mail_options=['BODY=8BITMIME'])",
    ]);
    expect(exitCode, output).toBe(0);
    expect(await arrived("smtplib eight")).toContain("žluťoučký kůň");
  });

  it("hears which of several recipients are refused, and the others get the message", async () => {
    const { exitCode, output } = await python("several.py", [
      "with smtplib.SMTP_SSL('127.0.0.1', submissions, context=context) as smtp:",
      "    smtp.login(sender, password)",
      "    refused = smtp.sendmail(sender, [recipient, 'nobody@example.org'], 'Subject: smtplib several\\r\\n\\r\\nhello\\r\\n')",
      "    print(sorted(refused), refused['nobody@example.org'][0])",
    ]);
    expect(exitCode, output).toBe(0);
    expect(output).toContain("['nobody@example.org'] 550");
    await arrived("smtplib several");
  });

  it("sends to an address with an international local part", async () => {
    const { output } = await python("utf8.py", [
      "with smtplib.SMTP_SSL('127.0.0.1', submissions, context=context) as smtp:",
      "    smtp.login(sender, password)",
      "    message = EmailMessage(); message['From'] = sender; message['To'] = 'jürgen@example.org'; message['Subject'] = 'smtplib utf8'",
      "    message.set_content('hello')",
      "    try:",
      "        smtp.send_message(message)",
      "    except smtplib.SMTPRecipientsRefused as refused:",
      "        print(refused.recipients)",
    ]);
    // The address is understood: it is unknown, not misspelt.
    expect(output).toContain("550");
    expect(output).toContain("5.1.1");
  });
});
