/** Dovecot as a peer: POP3, IMAP and LMTP on loopback, Maildirs of `user1` to `userN`, password `secret`, everything as Debian has it. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../server/ports.ts";
import type { MailboxPeer } from "./peer.ts";

const program = "/usr/sbin/dovecot";
/** Its processes start as root; its mail needs somebody else. */
const MAIL_UID = 65_534;

export async function startDovecot(users: number): Promise<MailboxPeer> {
  const root = await mkdtemp(join(process.env.BENCH_DIR ?? tmpdir(), "dovecot-bench-"));
  await chmod(root, 0o755);
  const [pop3Port, imapPort, port] = [await freePort(), await freePort(), await freePort()];
  const mail = join(root, "mail");
  await mkdir(mail);
  await chown(mail, MAIL_UID, MAIL_UID);
  const names = Array.from({ length: users }, (_, index) => `user${index + 1}`);
  for (const name of names) {
    // Not left to whoever comes first: that may be the load, as root.
    await mkdir(join(mail, name));
    await chown(join(mail, name), MAIL_UID, MAIL_UID);
  }
  const passwords = names.map((name) => `${name}:{PLAIN}secret:${MAIL_UID}:${MAIL_UID}::${mail}/${name}::\n`);
  await writeFile(join(root, "users"), passwords.join(""));
  await writeFile(join(root, "dovecot.conf"), config(root, { pop3: pop3Port, imap: imapPort, lmtp: port }));
  const child = spawn(program, ["-F", "-c", join(root, "dovecot.conf")], { stdio: ["ignore", "ignore", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await ended;
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    for (const each of [port, pop3Port, imapPort]) await answers(each, child);
  } catch (fault) {
    await stop();
    throw fault;
  }
  return {
    name: "dovecot",
    port,
    pop3Port,
    imapPort,
    isLmtp: true,
    recipient: "user1@example.org",
    maildir: `${mail}/user1/Maildir`,
    maildirOf: (user) => `${mail}/user${user}/Maildir`,
    mailUid: MAIL_UID,
    loginOf: (user) => `user${user}`,
    addressOf: (user) => `user${user}@example.org`,
    pid: child.pid ?? 0,
    stop,
  };
}

const config = (
  root: string,
  ports: { readonly pop3: number; readonly imap: number; readonly lmtp: number },
): string => `
protocols = pop3 imap lmtp
base_dir = ${root}/run
state_dir = ${root}/run
instance_name = postern-bench
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
log_path = ${root}/log
mail_location = maildir:~/Maildir
first_valid_uid = 1
mail_max_userip_connections = 2000
postmaster_address = postmaster@example.org
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
service pop3-login {
  inet_listener pop3 {
    port = ${ports.pop3}
  }
  inet_listener pop3s {
    port = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${ports.imap}
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  process_limit = 2048
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${ports.lmtp}
  }
}
protocol lmtp {
  auth_username_format = %n
}
`;

/** Waits until it greets. Rejects if it ends before. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`dovecot ended with ${child.exitCode}`);
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => resolve(true)).once("error", () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
    if (isThere) return;
    await sleep(50);
  }
  throw new Error("dovecot does not answer");
}
