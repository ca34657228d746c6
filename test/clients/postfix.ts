/** A Postfix of its own below one directory, on a loopback port, for tests and measurements. Needs root. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./programs.ts";

export interface PostfixOptions {
  readonly port: number;
  /** Where it sends mail for example.org. */
  readonly relayPort: number;
  /** Further lines of main.cf. */
  readonly settings?: readonly string[];
}

/** Takes mail of good@far.example into a Maildir, refuses others there, and hands mail for bounce.example to a server that refuses it. */
export class Postfix {
  readonly directory: string;
  readonly port: number;
  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
  }

  static async start({ port, relayPort, settings = [] }: PostfixOptions): Promise<Postfix> {
    const directory = await mkdtemp(join(tmpdir(), "postern-postfix-"));
    await chmod(directory, 0o755);
    const postfix = new Postfix(directory, port);
    for (const name of ["etc", "queue", "data", "mail/inbox/new", "mail/inbox/cur", "mail/inbox/tmp", "log"])
      await mkdir(join(directory, name), { recursive: true });
    await run("chown", ["-R", "nobody", join(directory, "mail")]);
    await run("chown", ["postfix", join(directory, "data")]);
    await writeFile(
      join(directory, "etc/main.cf"),
      `${mainCf(directory, relayPort)}${settings.map((line) => `${line}\n`).join("")}`,
    );
    await writeFile(join(directory, "etc/master.cf"), masterCf(postfix.port));
    await writeFile(join(directory, "etc/mailboxes"), "good@far.example inbox/\n");
    await writeFile(join(directory, "etc/dynamicmaps.cf"), "");
    const { exitCode, output } = await run("postfix", ["-c", join(directory, "etc"), "start"]);
    if (exitCode !== 0)
      throw new Error(
        `postfix start: ${output}${await readFile(join(directory, "log/mail.log"), "utf8").catch(() => "")}`,
      );
    return postfix;
  }

  /** Changes main.cf and has the running Postfix read it. */
  async change(settings: Readonly<Record<string, string>>): Promise<void> {
    const etc = join(this.directory, "etc");
    for (const [name, value] of Object.entries(settings))
      await run("postconf", ["-c", etc, "-e", `${name} = ${value}`]);
    await run("postfix", ["-c", etc, "reload"]);
  }

  async stop(): Promise<void> {
    await run("postfix", ["-c", join(this.directory, "etc"), "stop"]);
    await rm(this.directory, { recursive: true, force: true });
  }

  get maildir(): string {
    return join(this.directory, "mail/inbox");
  }

  /** Process id of its master. */
  async pid(): Promise<number> {
    return Number(await readFile(join(this.directory, "queue/pid/master.pid"), "utf8"));
  }
}

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
transport_maps = inline:{ { example.org = smtp:[127.0.0.1]:${relayPort} }, { bounce.example = smtp:[127.0.0.1]:${relayPort} } }
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
