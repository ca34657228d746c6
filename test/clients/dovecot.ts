/** A private Dovecot on a loopback port, everything below a temporary directory; ended by its own process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = "/usr/sbin/dovecot";
/** Its processes start as root; its mail needs somebody else. */
const mailUid = 65_534;

export class Dovecot {
  readonly port: number;
  /** 0: it does not speak LMTP. */
  readonly lmtpPort: number;
  readonly #root: string;
  readonly #child: ChildProcess;

  private constructor(ports: { readonly port: number; readonly lmtpPort: number }, root: string, child: ChildProcess) {
    this.port = ports.port;
    this.lmtpPort = ports.lmtpPort;
    this.#root = root;
    this.#child = child;
  }

  /** User `ann`, password `secret`. `lmtp`: takes mail, too (Debian's dovecot-lmtpd). */
  static async start({ lmtp = false }: { readonly lmtp?: boolean } = {}): Promise<Dovecot> {
    const root = await mkdtemp(join(tmpdir(), "dovecot-"));
    await chmod(root, 0o755);
    const port = await freePort();
    const lmtpPort = lmtp ? await freePort() : 0;
    const mail = join(root, "mail");
    await mkdir(mail);
    await chown(mail, mailUid, mailUid);
    await writeFile(join(root, "users"), `ann:{PLAIN}secret:${mailUid}:${mailUid}::${mail}/ann::\n`);
    await writeFile(join(root, "dovecot.conf"), `${config(root, port)}${lmtp ? lmtpConfig(root, lmtpPort) : ""}`);
    const child = spawn(program, ["-F", "-c", join(root, "dovecot.conf")], { stdio: "ignore" });
    const dovecot = new Dovecot({ port, lmtpPort }, root, child);
    try {
      await answers(port, child);
      if (lmtp) await answers(lmtpPort, child);
      return dovecot;
    } catch (fault) {
      await dovecot.stop();
      throw fault;
    }
  }

  get lmtpPath(): string {
    return join(this.#root, "lmtp");
  }

  /** New messages of a user. */
  newMail(user: string): string {
    return join(this.#root, "mail", user, "Maildir/new");
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGTERM");
      await ended;
    }
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}

const config = (root: string, port: number): string => `
protocols = imap
base_dir = ${root}/run
state_dir = ${root}/run
instance_name = postern-test
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
log_path = ${root}/log
mail_location = maildir:~/Maildir
first_valid_uid = 1
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%n ${root}/users
}
userdb {
  driver = passwd-file
  args = username_format=%n ${root}/users
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
`;

const lmtpConfig = (root: string, port: number): string => `
protocols = imap lmtp
postmaster_address = postmaster@example.org
service lmtp {
  inet_listener lmtp {
    port = ${port}
  }
  unix_listener ${root}/lmtp {
    mode = 0666
  }
}
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until it greets. Rejects if it ends before. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 100; i++) {
    if (child.exitCode !== null) throw new Error(`dovecot ended with ${child.exitCode}`);
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => resolve(true)).once("error", () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("dovecot does not answer");
}
