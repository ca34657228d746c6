/** Out through a real Postfix on loopback, and a bounce from there back into the sender's mailbox. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alice, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";

const isRoot = process.getuid?.() === 0;

/** A Postfix of its own below one directory: takes mail for far.example into a Maildir, bounces to Postern. */
class Postfix {
  readonly directory: string;
  readonly port: number;
  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  static async start(relayPort: number): Promise<Postfix> {
    const directory = await mkdtemp(join(tmpdir(), "postern-postfix-"));
    await chmod(directory, 0o755);
    const postfix = new Postfix(directory, await freePort());
    for (const name of ["etc", "queue", "data", "mail/inbox/new", "mail/inbox/cur", "mail/inbox/tmp", "log"])
      await mkdir(join(directory, name), { recursive: true });
    await run("chown", ["-R", "nobody", join(directory, "mail")]);
    await run("chown", ["postfix", join(directory, "data")]);
    await writeFile(join(directory, "etc/main.cf"), mainCf(directory, relayPort));
    await writeFile(join(directory, "etc/master.cf"), masterCf(postfix.port));
    await writeFile(join(directory, "etc/mailboxes"), "good@far.example inbox/\n");
    await writeFile(join(directory, "etc/dynamicmaps.cf"), "");
    await run("postmap", ["-c", join(directory, "etc"), `texthash:${join(directory, "etc/mailboxes")}`]);
    const { exitCode, output } = await run("postfix", ["-c", join(directory, "etc"), "start"]);
    if (exitCode !== 0)
      throw new Error(
        `postfix start: ${output}${await readFile(join(directory, "log/mail.log"), "utf8").catch(() => "")}`,
      );
    return postfix;
  }

  async stop(): Promise<void> {
    await run("postfix", ["-c", join(this.directory, "etc"), "stop"]);
    await rm(this.directory, { recursive: true, force: true });
  }

  get log(): Promise<string> {
    return readFile(join(this.directory, "log/mail.log"), "utf8");
  }
}

describeWith(["postfix", "swaks"], "Postfix as the other side", () => {
  let server: RunningServer;
  let postfix: Postfix;
  beforeAll(async () => {
    if (!isRoot) return;
    let port = 0;
    server = await RunningServer.prepare({
      plugins: (usual) =>
        usual.map((line) =>
          line === "- deliver-smtp" ? `- deliver-smtp: { smarthost: "[127.0.0.1]:${port}", tls: none }` : line,
        ),
      config: [],
    });
    postfix = await Postfix.start(server.ports.mx);
    port = postfix.port;
    const config = await readFile(server.configFile, "utf8");
    await writeFile(server.configFile, config.replace("[127.0.0.1]:0", `[127.0.0.1]:${port}`));
    await server.startProcess();
  });
  afterAll(async () => {
    await server?.stop();
    await postfix?.stop();
  });

  const submit = (to: string, subject: string) =>
    run("swaks", [
      "--server",
      `127.0.0.1:${server.ports.submissions}`,
      "--tls-on-connect",
      "--auth",
      "PLAIN",
      "--auth-user",
      alice.address,
      "--auth-password",
      alice.password,
      "--from",
      alice.address,
      "--to",
      to,
      "--header",
      `Subject: ${subject}`,
    ]);

  it.runIf(isRoot)("takes the message on", async () => {
    const sent = await submit("good@far.example", "to a real server");
    expect(sent.exitCode, sent.output).toBe(0);
    const id = /queued as (\S+)/.exec(sent.output)?.[1] ?? "none";
    const line = await server.logged(
      (logged) => JSON.stringify(logged).includes(id) && JSON.stringify(logged).includes("relayed"),
    );
    expect(JSON.stringify(line)).toContain("queued as");
  });

  it.runIf(isRoot)("refuses one recipient, and Postern's own bounce says so", async () => {
    const sent = await submit("unknown@far.example", "to nobody");
    expect(sent.exitCode, sent.output).toBe(0);
    const bounce = await arrival(server.ports.imaps, alice, (source) => source.includes("unknown@far.example"));
    expect(bounce).toMatch(/^Return-Path: <>\r\n/);
    expect(bounce).toMatch(/Content-Type: multipart\/report;[\s\S]*report-type="?delivery-status/);
    expect(bounce).toMatch(/Final-Recipient: rfc822; ?unknown@far\.example\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
    expect(bounce).toMatch(/Diagnostic-Code: smtp; 550 /);
  });

  it.runIf(isRoot)(
    "accepts another and bounces it later: Postfix's bounce comes back to the sender's mailbox",
    async () => {
      const sent = await submit("late@bounce.example", "bounced by postfix");
      expect(sent.exitCode, sent.output).toBe(0);
      const bounce = await arrival(
        server.ports.imaps,
        alice,
        (source) => source.includes("late@bounce.example") && source.includes("Postfix"),
      );
      expect(bounce).toMatch(/^Return-Path: <>\r\n/);
      expect(bounce).toContain("Reporting-MTA: dns; far.example");
    },
  );
});

const mainCf = (directory: string, relayPort: number): string => `compatibility_level = 3.6
queue_directory = ${directory}/queue
data_directory = ${directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = far.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = none
smtp_tls_security_level = none
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = far.example
virtual_mailbox_base = ${directory}/mail
virtual_mailbox_maps = texthash:${directory}/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
relay_domains = example.org, bounce.example
relay_recipient_maps =
transport_maps = inline:{ { example.org = smtp:[127.0.0.1]:${relayPort} }, { bounce.example = error:5.1.2 that domain is gone } }
disable_dns_lookups = yes
smtpd_recipient_restrictions = permit_mynetworks, reject
maillog_file = ${directory}/log/mail.log
maillog_file_prefixes = ${directory}
`;

const masterCf = (port: number): string => `127.0.0.1:${port} inet n - n - - smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
virtual   unix - n n - - virtual
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
