/** Mail programs that read: mutt, mbsync, fetchmail, curl. */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alice, bob, RunningServer } from "../server/running-server.ts";
import { arrival, imapClient } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";
import { send } from "./senders.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server.stop());

/** Sends and waits until it is in the mailbox. */
async function mailTo(login: typeof alice, subject: string, text?: string): Promise<void> {
  await send(server.ports.mx, {
    from: "sender@example.net",
    to: [login.address],
    subject,
    ...(text === undefined ? {} : { text }),
  });
  await arrival(server.ports.imaps, login, (source) => source.includes(`Subject: ${subject}`));
}

describeWith(["curl"], "curl", () => {
  it("lists and fetches by IMAP and POP3, with TLS of both kinds", async () => {
    await mailTo(alice, "for curl");
    const user = `${alice.address}:${alice.password}`;
    for (const [url, ...args] of [
      [`imaps://127.0.0.1:${server.ports.imaps}/INBOX;MAILINDEX=1`],
      [`imap://127.0.0.1:${server.ports.imap}/INBOX;MAILINDEX=1`, "--ssl-reqd"],
      [`pop3s://127.0.0.1:${server.ports.pop3s}/1`],
      [`pop3://127.0.0.1:${server.ports.pop3}/1`, "--ssl-reqd"],
    ] as const) {
      const { exitCode, output } = await run("curl", [
        "--silent",
        "--show-error",
        "--insecure",
        "--user",
        user,
        ...args,
        url,
      ]);
      expect(exitCode, `${url}: ${output}`).toBe(0);
      expect(output, url).toContain("Subject: for curl");
    }
  });

  it("uploads by IMAP APPEND, and sends by SMTP", async () => {
    const file = join(server.directory, "upload.eml");
    await writeFile(file, "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: uploaded\r\n\r\nHello.\r\n");
    const common = [
      "--silent",
      "--show-error",
      "--insecure",
      "--user",
      `${alice.address}:${alice.password}`,
      "--upload-file",
      file,
    ];
    const appended = await run("curl", [...common, `imaps://127.0.0.1:${server.ports.imaps}/INBOX`]);
    expect(appended.exitCode, appended.output).toBe(0);
    const sent = await run("curl", [
      ...common,
      "--mail-from",
      alice.address,
      "--mail-rcpt",
      bob.address,
      `smtps://127.0.0.1:${server.ports.submissions}`,
    ]);
    expect(sent.exitCode, sent.output).toBe(0);
    await arrival(server.ports.imaps, alice, (source) => source.includes("Subject: uploaded"));
    await arrival(server.ports.imaps, bob, (source) => source.includes("Subject: uploaded"));
  });
});

describeWith(["fetchmail"], "fetchmail", () => {
  it.each(["POP3", "IMAP"] as const)("takes mail away by %s", async (protocol) => {
    const subject = `for fetchmail ${protocol}`;
    await mailTo(bob, subject);
    const home = join(server.directory, `fetchmail-${protocol}`);
    const inbox = join(home, "inbox");
    await mkdir(home, { mode: 0o700 });
    const port = protocol === "POP3" ? server.ports.pop3s : server.ports.imaps;
    const control = join(home, "fetchmailrc");
    await writeFile(
      control,
      `poll 127.0.0.1 protocol ${protocol} port ${port}\n  user "${bob.address}" password "${bob.password}" ssl no sslcertck\n  fetchall no keep mda "cat >> ${inbox}"\n`,
      { mode: 0o600 },
    );
    const { exitCode, output } = await run(
      "fetchmail",
      ["--nodetach", "--nosyslog", "-f", control, "--idfile", join(home, "ids"), "--pidfile", join(home, "pid")],
      { env: { HOME: home, FETCHMAILHOME: home } },
    );
    expect(exitCode, output).toBe(0);
    expect(await readFile(inbox, "utf8")).toContain(`Subject: ${subject}`);
    const again = await run(
      "fetchmail",
      ["--nodetach", "--nosyslog", "-f", control, "--idfile", join(home, "ids"), "--pidfile", join(home, "pid")],
      { env: { HOME: home, FETCHMAILHOME: home } },
    );
    expect(again.exitCode, again.output).toBe(1); // fetchmail(1): no mail
  });
});

describeWith(["mbsync"], "mbsync", () => {
  it("syncs both ways, and again without doubling", async () => {
    await mailTo(alice, "for mbsync");
    const client = imapClient(server.ports.imaps, alice);
    await client.connect();
    await client.mailboxCreate("Archive/2026");
    await client.append("Archive/2026", "From: a@example.net\r\nSubject: archived\r\n\r\nOld.\r\n", ["\\Seen"]);
    await client.logout();

    const local = join(server.directory, "mbsync");
    await mkdir(local);
    const config = join(server.directory, "mbsyncrc");
    await writeFile(
      config,
      [
        "IMAPAccount postern",
        "Host 127.0.0.1",
        `Port ${server.ports.imaps}`,
        `User ${alice.address}`,
        `Pass "${alice.password}"`,
        "SSLType IMAPS",
        "SystemCertificates no",
        `CertificateFile ${join(server.directory, "cert.pem")}`,
        "",
        "IMAPStore far",
        "Account postern",
        "",
        "MaildirStore near",
        `Path ${local}/`,
        `Inbox ${local}/INBOX`,
        "SubFolders Verbatim",
        "",
        "Channel all",
        "Far :far:",
        "Near :near:",
        "Patterns *",
        "Create Both",
        "Expunge Both",
        `SyncState ${local}/.state-`,
        "",
      ].join("\n"),
    );
    await writeFile(join(server.directory, "cert.pem"), await peerCertificate(server.ports.imaps));
    const sync = async () => {
      const { exitCode, output } = await run("mbsync", ["-c", config, "-a"]);
      expect(exitCode, output).toBe(0);
    };
    const files = async (folder: string) => [
      ...(await readdir(join(local, folder, "cur"))),
      ...(await readdir(join(local, folder, "new"))),
    ];
    await sync();
    const inbox = await files("INBOX");
    expect(inbox.length).toBeGreaterThan(0);
    expect(await files("Archive/2026")).toHaveLength(1);
    await writeFile(
      join(local, "INBOX", "new", `${Date.now()}.1.local`),
      "From: me@example.org\nSubject: from near\n\nHi.\n",
    );
    await sync();
    await sync();
    expect(await files("INBOX")).toHaveLength(inbox.length + 1);
    await arrival(server.ports.imaps, alice, (source) => source.includes("Subject: from near"));

    // Flags go both ways, and so does what is thrown away; what was moved is moved.
    const find = async (folder: string, subject: string) => {
      for (const part of ["cur", "new"]) {
        for (const name of await readdir(join(local, folder, part))) {
          const file = join(local, folder, part, name);
          if ((await readFile(file, "utf8")).includes(`Subject: ${subject}\n`)) return file;
        }
      }
      return null;
    };
    const withFlags = (file: string | null, flags: string) =>
      rename(file ?? "", join(local, "INBOX/cur", `${basename(file ?? "").replace(/:2,.*/, "")}:2,${flags}`));
    await withFlags(await find("INBOX", "from near"), "FS");
    await withFlags(await find("INBOX", "for mbsync"), "T");
    const again = imapClient(server.ports.imaps, alice);
    await again.connect();
    await again.append("INBOX", "From: a@example.net\r\nSubject: to be moved\r\n\r\nHi.\r\n");
    await sync();
    expect(await find("INBOX", "to be moved")).not.toBeNull();
    await again.mailboxOpen("INBOX");
    await again.messageMove({ subject: "to be moved" }, "Archive/2026");
    await again.messageFlagsAdd({ subject: "from near" }, ["\\Answered"]);
    await sync();
    await sync();
    expect(await find("INBOX", "to be moved")).toBeNull();
    expect(await find("Archive/2026", "to be moved")).not.toBeNull();
    expect(await find("INBOX", "from near")).toMatch(/:2,FRS$/);
    const far: Record<string, string[]> = {};
    for await (const { envelope, flags } of again.fetch("1:*", { envelope: true, flags: true }))
      far[envelope?.subject ?? ""] = [...(flags ?? [])].filter((flag) => flag !== "\\Recent").toSorted();
    expect(far["from near"]).toEqual(["\\Answered", "\\Flagged", "\\Seen"]);
    expect(far).not.toHaveProperty("for mbsync");
    await again.logout();
  });
});

describeWith(["mutt"], "mutt", () => {
  it("opens the mailbox, reads, flags, copies and moves messages, and leaves", async () => {
    await mailTo(alice, "for mutt", "The body that mutt shows.\n");
    const client = imapClient(server.ports.imaps, alice);
    await client.connect();
    await client.append("INBOX", "From: a@example.net\r\nSubject: mutt moves this\r\n\r\nHi.\r\n");
    await client.mailboxCreate("Kept");
    const config = join(server.directory, "muttrc");
    const saved = join(server.directory, "saved-by-mutt");
    await writeFile(
      config,
      [
        `set folder="imaps://127.0.0.1:${server.ports.imaps}/"`,
        `set spoolfile="imaps://127.0.0.1:${server.ports.imaps}/INBOX"`,
        `set imap_user="${alice.address}"`,
        `set imap_pass="${alice.password}"`,
        "set ssl_verify_host=no",
        "set ssl_verify_dates=no",
        `set certificate_file="${join(server.directory, "mutt-cert.pem")}"`,
        "set timeout=5",
        "set sort=date-received",
        "unset confirmcreate confirmappend",
        "set header_cache=",
        "set delete=yes",
        // Limit to the message, flag it, save a copy of it; the other goes elsewhere on the server; leave.
        `push "<limit>~s for.mutt<enter><flag-message><copy-message><kill-line>${saved}<enter><limit>~s mutt.moves<enter><save-message><kill-line>=Kept<enter><quit>"`,
        "set quit=yes",
        "",
      ].join("\n"),
    );
    await writeFile(join(server.directory, "mutt-cert.pem"), await peerCertificate(server.ports.imaps));
    const { exitCode, output } = await run("script", ["-qec", `mutt -F ${config}`, "/dev/null"], {
      env: { TERM: "xterm", HOME: server.directory },
    });
    expect(exitCode, output).toBe(0);
    expect(await readFile(saved, "utf8")).toContain("The body that mutt shows.");
    await client.mailboxOpen("INBOX");
    const inbox: Record<string, boolean> = {};
    for await (const { envelope, flags } of client.fetch("1:*", { envelope: true, flags: true }))
      inbox[envelope?.subject ?? ""] = flags?.has("\\Flagged") === true;
    expect(inbox["for mutt"]).toBe(true);
    expect(inbox).not.toHaveProperty("mutt moves this");
    expect(await client.status("Kept", { messages: true })).toMatchObject({ messages: 1 });
    await client.logout();
  });
});

async function peerCertificate(port: number): Promise<string> {
  const { output } = await run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-showcerts"]);
  return /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/.exec(output)?.[0] ?? "";
}
