/** What `import`, `export` and `move` have in common: options, the state of each transfer, a summary for each account. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { jsonLine } from "../../../kernel/json-line.ts";
import { safeText } from "../../../mail/header.ts";
import { usageError } from "../../command-error.ts";
import { type Terminal, written } from "../../terminal.ts";
import { type AccountOptions, folderFilter, type MailboxRoom, type OpenAccount } from "../accounts.ts";
import { roughSize } from "../show.ts";
import { Journal } from "./journal.ts";
import type { PlaceRoom } from "./places.ts";
import { progressOf, summaryText } from "./progress.ts";
import type { Source } from "./source.ts";
import type { Target } from "./target.ts";
import { type Transfer, transferAll } from "./transfer.ts";

export interface TransferCommandOptions extends AccountOptions {
  readonly folder?: readonly string[];
  readonly rename?: readonly string[];
  /** Everything into this mailbox, or below it. */
  readonly into?: string;
  readonly keepUids?: boolean;
  readonly beyondQuota?: boolean;
  readonly passwordFile?: string;
  readonly insecure?: boolean;
  readonly state?: string;
  readonly restart?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export interface TransferJob {
  readonly verb: "import" | "export" | "move";
  readonly one: OpenAccount;
  readonly options: TransferCommandOptions;
  readonly follow: boolean;
  /** Of IMAP accounts. */
  readonly password?: PlaceRoom["password"];
  readonly open: (room: PlaceRoom) => Promise<{ readonly source: Source; readonly target: Target }>;
}

export async function runTransfer(job: TransferJob, { config }: MailboxRoom, terminal: Terminal): Promise<void> {
  const { one, options, verb } = job;
  const progress = await progressOf(terminal, { isQuiet: options.quiet === true });
  const place: PlaceRoom = {
    config,
    terminal,
    account: one.account,
    password: job.password ?? passwordsOf(options, terminal),
    isInsecure: options.insecure === true,
    isBeyondQuota: options.beyondQuota === true,
    note: (text) => progress.note(text),
  };
  const { source, target } = await job.open(place);
  try {
    const wishes = {
      isMeant: folderFilter(options.folder),
      rename: renaming(options),
      keepUids: options.keepUids === true,
      follow: job.follow,
    };
    if (options.dryRun) {
      await written(terminal, await plan(source, wishes));
      return;
    }
    const name = createHash("sha256").update([verb, one.account.login, source.id, target.id].join("\0")).digest("hex");
    const path = options.state
      ? resolve(terminal.cwd, options.state)
      : join(config.dataDir, "mailbox-transfers", `${verb}-${name.slice(0, 16)}.jsonl`);
    if (options.restart) rmSync(path, { force: true });
    const journal = await Journal.open(path, { source: source.id, target: target.id });
    try {
      const transfer: Transfer = { source, target, journal, options: wishes, watcher: progress };
      const summary = await transferAll(transfer);
      progress.end();
      const { login } = one.account;
      const text = options.json
        ? jsonLine({ login, ...summary, state: path })
        : `${safeText(login)}: ${summaryText(summary)}\n`;
      if (!options.quiet || options.json) await written(terminal, text);
    } finally {
      await journal.close();
    }
  } finally {
    progress.end();
    await source.close();
    await target.close();
  }
}

async function plan(source: Source, { isMeant, rename }: Transfer["options"]): Promise<string> {
  const lines: string[] = [];
  for (const { name } of await source.folders()) {
    if (!isMeant(name)) continue;
    const open = await source.open(name);
    const bytes = open.messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    lines.push(safeText(`${name} -> ${rename(name)}: ${open.messages.length} messages, ${roughSize(bytes)}`));
    await open.close();
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** `--rename 'Sent Items=Sent'`; `--into Old` puts INBOX there, and all others below it. */
function renaming({ rename = [], into }: TransferCommandOptions): (name: string) => string {
  const names = new Map(
    rename.map((written) => {
      const at = written.indexOf("=");
      if (at < 1 || at === written.length - 1) throw usageError(`--rename ${written}: write OLD=NEW`);
      return [written.slice(0, at), written.slice(at + 1)];
    }),
  );
  return (name) => {
    const own = names.get(name);
    if (own !== undefined) return own;
    if (into === undefined) return name;
    return name === "INBOX" ? into : `${into}/${name}`;
  };
}

/** Read before anything is done as the server's user, who need not see the file. Answers the line `user:password` of a user, else the first line. */
export function passwordsOf(
  { passwordFile }: TransferCommandOptions,
  { cwd }: Terminal,
): (user: string) => Promise<string> {
  if (passwordFile === undefined) {
    return async (user) => {
      throw usageError(`the password of ${user}? Say --password-file FILE`);
    };
  }
  const lines = readFileSync(resolve(cwd, passwordFile), "utf8").split(/\r?\n/);
  return async (user) => lines.find((line) => line.startsWith(`${user}:`))?.slice(user.length + 1) ?? lines[0] ?? "";
}
