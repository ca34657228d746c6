/**
 * The real Dovecot on a home of its own, without a server: its imap and pop3 programs speak on pipes, as the user whose mail it is. What
 * they complain about is in its log.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Seen, SeenMessage } from "./remote-store.ts";

/** Dovecot refuses to touch mail as root: it works as `nobody` then. */
const isRoot = process.getuid?.() === 0;
export const owner = isRoot ? { uid: 65_534, gid: 65_534 } : {};
export const isDovecotHere = existsSync("/usr/bin/doveadm") && existsSync("/usr/lib/dovecot/imap");

export interface DovecotWishes {
  /** Behind `maildir:~/Maildir`, e.g. `:LAYOUT=fs`. */
  readonly location?: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export class Dovecot {
  readonly home: string;
  readonly #root: string;
  readonly #sessions: ImapSession[] = [];

  constructor({ location = "", settings = {} }: DovecotWishes = {}) {
    this.#root = mkdtempSync(join(tmpdir(), "postern-dovecot-"));
    chmodSync(this.#root, 0o755);
    this.home = join(this.#root, "home");
    mkdirSync(this.home);
    writeFileSync(join(this.#root, "log"), "");
    if (isRoot) for (const path of [this.home, join(this.#root, "log")]) chownSync(path, 65_534, 65_534);
    const all: Record<string, string> = {
      base_dir: `${this.#root}/run`,
      state_dir: `${this.#root}/run`,
      log_path: `${this.#root}/log`,
      mail_location: `maildir:~/Maildir${location}`,
      ssl: "no",
      mail_uid: String(owner.uid ?? process.getuid?.()),
      mail_gid: String(owner.gid ?? process.getgid?.()),
      first_valid_uid: "1",
      mail_fsync: "never",
      stats_writer_socket_path: "",
      ...settings,
    };
    const lines = Object.entries(all).map(([key, value]) => `${key} = ${value}\n`);
    const namespace = "namespace inbox {\n  inbox = yes\n  separator = /\n}\n";
    writeFileSync(join(this.#root, "dovecot.conf"), lines.join("") + namespace);
  }

  /** Lines of the log that are not about sessions as they ought to be, or about a machine that is slow. */
  get complaints(): readonly string[] {
    return readFileSync(join(this.#root, "log"), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !/: Info: |Synchronization took|took \d+ seconds|Locking .* took/.test(line));
  }

  #spawn(program: "imap" | "pop3"): ChildProcessByStdio<Writable, Readable, null> {
    return spawn("doveadm", ["-c", join(this.#root, "dovecot.conf"), "exec", program], {
      cwd: "/",
      env: { PATH: process.env.PATH, HOME: this.home, USER: "someone", LC_ALL: "C.UTF-8" },
      stdio: ["pipe", "pipe", "ignore"],
      ...owner,
    });
  }

  async imap(): Promise<ImapSession> {
    const session = new ImapSession(this.#spawn("imap"));
    this.#sessions.push(session);
    await session.greeting;
    return session;
  }

  async uniqueIds(): Promise<readonly string[]> {
    const child = this.#spawn("pop3");
    let said = "";
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      said += text;
    });
    child.stdin.end("UIDL\r\nQUIT\r\n");
    await once(child, "close");
    return [...said.matchAll(/^\d+ (\S+)\r$/gm)].map(([, id = ""]) => id);
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) await session.end();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Commands one after the other. */
export class ImapSession {
  readonly greeting: Promise<unknown>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #said = "";
  #isEnded = false;
  #wake = () => {};
  #tags = 0;

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdin.on("error", () => {});
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.#said += text;
      this.#wake();
    });
    child.on("close", () => {
      this.#isEnded = true;
      this.#wake();
    });
    this.greeting = this.#until(/^\* PREAUTH.*\r\n/m);
  }

  async #until(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#said);
      if (found) {
        const end = found.index + found[0].length;
        const text = this.#said.slice(0, end);
        this.#said = this.#said.slice(end);
        return text;
      }
      if (this.#isEnded) throw new Error(`Dovecot's session ended: ${this.#said}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** All that was said up to the tagged line; rejects where that is not OK. */
  async command(text: string): Promise<string> {
    const tag = `t${++this.#tags}`;
    this.#child.stdin.write(`${tag} ${text}\r\n`);
    const said = await this.#until(new RegExp(`^${tag} (?:OK|NO|BAD).*\\r\\n`, "m"));
    if (!new RegExp(`^${tag} OK`, "m").test(said)) throw new Error(`${text}: ${said}`);
    return said;
  }

  /** Answers the UID. */
  async append(box: string, subject: string, flags: readonly string[] = []): Promise<number> {
    const text = `Subject: ${subject}\r\n\r\nText of ${subject}.\r\n`;
    const said = await this.command(`APPEND ${box} (${flags.join(" ")}) {${text.length}+}\r\n${text}`);
    return Number(/APPENDUID \d+ (\d+)/.exec(said)?.[1]);
  }

  /** What a session sees that selects the mailbox now. */
  async seen(box: string): Promise<Seen> {
    const selected = await this.command(`SELECT ${box}`);
    const messages: SeenMessage[] = [];
    if (!/^\* 0 EXISTS/m.test(selected)) {
      const said = await this.command("FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
      for (const part of said.split(/^\* \d+ FETCH /m).slice(1)) {
        const flags = (/FLAGS \(([^)]*)\)/.exec(part)?.[1] ?? "").split(" ");
        messages.push({
          uid: Number(/UID (\d+)/.exec(part)?.[1]),
          flags: flags.filter((flag) => flag !== "" && flag !== "\\Recent").sort(),
          sizeBytes: Number(/RFC822.SIZE (\d+)/.exec(part)?.[1]),
          subject: /^Subject: (.*)\r$/m.exec(part)?.[1] ?? "",
        });
      }
    }
    return {
      uidValidity: Number(/UIDVALIDITY (\d+)/.exec(selected)?.[1]),
      uidNext: Number(/UIDNEXT (\d+)/.exec(selected)?.[1]),
      messages,
    };
  }

  async end(): Promise<void> {
    if (this.#isEnded) return;
    this.#child.stdin.end();
    await once(this.#child, "close");
  }
}
