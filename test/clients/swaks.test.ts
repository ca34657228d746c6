import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alice, bob, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";

describeWith(["swaks"], "swaks", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await RunningServer.start();
  });
  afterAll(() => server.stop());

  const swaks = (port: number, ...args: string[]) =>
    run("swaks", ["--server", `127.0.0.1:${port}`, "--ehlo", "client.example", "--timeout", "60", ...args]);
  const login = ["--auth", "PLAIN", "--auth-user", alice.address, "--auth-password", alice.password];

  it("sends plainly to the MX, and the message arrives with its trace", async () => {
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      bob.address,
      "--header",
      "Subject: plain one",
    );
    expect(exitCode, output).toBe(0);
    const id = /queued as (\S+)/.exec(output)?.[1] ?? "none";
    const source = await arrival(server.ports.imaps, bob, (text) => text.includes("Subject: plain one"));
    expect(source).toMatch(/^Return-Path: <sender@example\.net>\r\n/);
    expect(source).toContain(`Delivered-To: ${bob.address}\r\n`);
    expect(source).toMatch(new RegExp(`Received: from client\\.example [^]*by mx\\.example\\.org[^]*id ${id}`));
    await server.logged((line) => JSON.stringify(line).includes(id) && JSON.stringify(line).includes("delivered"));
  });

  it("sends over STARTTLS and over implicit TLS, logged in by PLAIN and by LOGIN", async () => {
    for (const [port, ...args] of [
      [server.ports.submission, "--tls", ...login],
      [
        server.ports.submissions,
        "--tls-on-connect",
        "--auth",
        "LOGIN",
        "--auth-user",
        alice.address,
        "--auth-password",
        alice.password,
      ],
    ] as const) {
      const subject = `over ${port}`;
      const { exitCode, output } = await swaks(
        port,
        "--from",
        alice.address,
        "--to",
        bob.address,
        "--header",
        `Subject: ${subject}`,
        ...args,
      );
      expect(exitCode, output).toBe(0);
      const source = await arrival(server.ports.imaps, bob, (text) => text.includes(`Subject: ${subject}`));
      expect(source).toMatch(/with ESMTPSA/);
    }
  });

  it("is refused with a wrong password, and no login is offered in clear on submission", async () => {
    const wrong = await swaks(
      server.ports.submissions,
      "--tls-on-connect",
      "--from",
      alice.address,
      "--to",
      bob.address,
      "--auth",
      "PLAIN",
      "--auth-user",
      alice.address,
      "--auth-password",
      "wrong",
    );
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.output).toContain("535 5.7.8");
    const clear = await swaks(
      server.ports.submission,
      "--from",
      alice.address,
      "--to",
      bob.address,
      "--quit-after",
      "RCPT",
    );
    expect(clear.output).toMatch(/<\*\* 530 5\.7\.0/);
  });

  it("cannot relay without a login", async () => {
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      "someone@elsewhere.example",
    );
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/<\*\* 550 5\.7\.1 /);
  });

  it("is told at once that a user does not exist", async () => {
    const { output } = await swaks(server.ports.mx, "--from", "sender@example.net", "--to", "nobody@example.org");
    expect(output).toMatch(/<\*\* 550 5\.1\.1 /);
  });

  it("reaches an alias", async () => {
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      "postmaster@example.org",
      "--header",
      "Subject: to postmaster",
    );
    expect(exitCode, output).toBe(0);
    await arrival(server.ports.imaps, alice, (text) => text.includes("Subject: to postmaster"));
  });

  it("sends an attachment that comes back byte by byte", async () => {
    const bytes = randomBytes(300_000);
    const file = join(server.directory, "attached.bin");
    await writeFile(file, bytes);
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      bob.address,
      "--header",
      "Subject: attached",
      "--attach-type",
      "application/octet-stream",
      "--attach",
      `@${file}`,
    );
    expect(exitCode, output.slice(-2_000)).toBe(0);
    const source = await arrival(server.ports.imaps, bob, (text) => text.includes("Subject: attached"));
    const encoded =
      /Content-Transfer-Encoding: BASE64[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/i.exec(
        source.slice(source.indexOf("octet-stream")),
      )?.[1] ?? "";
    expect(Buffer.from(encoded, "base64").equals(bytes)).toBe(true);
  });

  it("sends 20 MB", async () => {
    const file = join(server.directory, "large.eml");
    const line = `${"x".repeat(74)}\r\n`;
    await writeFile(
      file,
      `From: sender@example.net\r\nTo: ${bob.address}\r\nSubject: large one\r\n\r\n${line.repeat(Math.ceil(20_000_000 / line.length))}`,
    );
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      bob.address,
      "--data",
      `@${file}`,
      "--suppress-data",
    );
    expect(exitCode, output.slice(-2_000)).toBe(0);
    const source = await arrival(server.ports.imaps, bob, (text) => text.includes("Subject: large one"));
    expect(source.length).toBeGreaterThan(20_000_000);
    expect(source.trimEnd().endsWith(`\r\n${line.trimEnd()}`)).toBe(true);
  });

  it("sends UTF-8 in headers and body", async () => {
    const file = join(server.directory, "utf8.eml");
    await writeFile(
      file,
      `From: sender@example.net\nTo: ${bob.address}\nSubject: grüße aus München\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nžluťoučký kůň 🐎\n`,
    );
    const { exitCode, output } = await swaks(
      server.ports.mx,
      "--from",
      "sender@example.net",
      "--to",
      bob.address,
      "--data",
      `@${file}`,
    );
    expect(exitCode, output).toBe(0);
    const source = await arrival(server.ports.imaps, bob, (text) => text.includes("grüße aus München"));
    expect(source).toContain("žluťoučký kůň 🐎\r\n");
  });

  it("hands over by LMTP with an answer for each recipient", async () => {
    const { output } = await run("swaks", [
      "--protocol",
      "LMTP",
      "--server",
      `127.0.0.1:${server.ports.lmtp}`,
      "--from",
      "sender@example.net",
      "--to",
      `${alice.address},nobody@example.org,${bob.address}`,
      "--header",
      "Subject: by lmtp",
    ]);
    expect(output).toMatch(/550 5\.1\.1 /);
    expect(output.match(/^<- {2}250 2\.\d\.\d .*queued as/gm)).toHaveLength(2);
    await arrival(server.ports.imaps, bob, (text) => text.includes("Subject: by lmtp"));
  });
});
