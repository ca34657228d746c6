/**
 * Places that mail comes from and goes to, as they are typed: `maildir:DIR`, `mbox:FILE`, `imaps://user@host`, `config:FILE` for another
 * server's config. Any other `NAME:PATH` is opened by the plugin `store-NAME`, so whoever installs a store can bring mail from it.
 */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { loadEntries } from "../../../app/config/entries.ts";
import { hostModules } from "../../../app/config/host.ts";
import type { ServerConfig } from "../../../app/config/server-config.ts";
import type { Account } from "../../../contracts/account.ts";
import type { AccountMailboxes } from "../../../contracts/mailbox-store.ts";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { builtinPlugins } from "../../../kernel/load.ts";
import { CommandError, usageError } from "../../command-error.ts";
import { configOf } from "../../config.ts";
import { openOfflineKernel } from "../../offline-kernel.ts";
import type { Terminal } from "../../terminal.ts";
import { storeOf } from "../accounts.ts";
import { mboxSource } from "./mbox-source.ts";
import { mboxTarget } from "./mbox-target.ts";
import type { Source } from "./source.ts";
import { storeSource } from "./store-source.ts";
import { storeTarget } from "./store-target.ts";
import type { Target } from "./target.ts";

export interface PlaceRoom {
  readonly config: ServerConfig;
  readonly terminal: Terminal;
  readonly account: Account;
  /** Of IMAP accounts. */
  readonly password: (user: string) => Promise<string>;
  readonly isInsecure: boolean;
  readonly isBeyondQuota: boolean;
  readonly note: (text: string) => void;
}

interface Place {
  readonly scheme: string;
  readonly rest: string;
}

function placeOf(written: string, { account }: PlaceRoom): Place {
  const { localPart = account.login, domain = "" } = account.addresses[0] ?? {};
  const words: Readonly<Record<string, string>> = { login: account.login, user: localPart, domain, home: account.home };
  const filled = written.replace(/\{(\w+)\}/g, (whole, name: string) => words[name] ?? whole);
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9-]*):(.+)$/s.exec(filled) ?? [];
  if (scheme === "") {
    throw usageError(`"${written}" is no place: write maildir:DIR, mbox:FILE, imaps://USER@HOST or config:FILE`);
  }
  return { scheme, rest };
}

export async function openSource(written: string, room: PlaceRoom): Promise<Source> {
  const { scheme, rest } = placeOf(written, room);
  if (scheme === "imap" || scheme === "imaps") return imap(`${scheme}:${rest}`, room);
  if (scheme === "mbox") return mboxSource(resolve(room.terminal.cwd, rest));
  const { mail, close } = await openStore({ scheme, rest }, room);
  return storeSource(`${scheme}:${resolve(room.terminal.cwd, rest)}`, mail, close);
}

export async function openTarget(written: string, room: PlaceRoom): Promise<Target> {
  const { scheme, rest } = placeOf(written, room);
  if (scheme === "imap" || scheme === "imaps") throw usageError("mail can be brought from IMAP servers, not to them");
  if (scheme === "mbox") return mboxTarget(resolve(room.terminal.cwd, rest));
  const { mail, close } = await openStore({ scheme, rest }, room);
  const { note, isBeyondQuota } = room;
  return storeTarget(`${scheme}:${resolve(room.terminal.cwd, rest)}`, mail, { close, note, isBeyondQuota });
}

interface OpenedStore {
  readonly mail: AccountMailboxes;
  readonly close: () => Promise<void>;
}

async function openStore({ scheme, rest }: Place, room: PlaceRoom): Promise<OpenedStore> {
  if (scheme === "config") return ofConfig(rest, room);
  const path = resolve(room.terminal.cwd, rest);
  const use = `store-${scheme}`;
  const options = { path: scheme === "maildir" ? `${path}/` : path };
  const source = { file: resolve(room.terminal.cwd, "the command line"), value: null, locate: () => null };
  const from = { configDir: room.terminal.cwd, builtins: builtinPlugins(), modules: hostModules };
  const { entries, slips } = await loadEntries([{ [use]: options }], source, from);
  const [entry] = entries;
  if (!entry) throw usageError(`${scheme}: cannot be opened: ${slips.map(({ text }) => text).join("; ")}`);
  const offline = await openOfflineKernel({ ...room.config, plugins: [entry.of] });
  // Limits are for accounts of the server, not for what lies elsewhere.
  const mail = await storeOf(offline).of({ ...room.account, quotaBytes: 0, quotaMessages: 0 });
  return { mail, close: () => offline.kernel.stop() };
}

async function ofConfig(file: string, { terminal, account }: PlaceRoom): Promise<OpenedStore> {
  const offline = await openOfflineKernel(await configOf({ config: resolve(terminal.cwd, file) }, terminal));
  const answer = await offline.accounts.byLogin(account.login);
  if (answer.at !== "found") {
    await offline.kernel.stop();
    throw new CommandError(`${file} has no account "${account.login}"`, exitCodes.noUser);
  }
  return { mail: await storeOf(offline).of(answer.account), close: () => offline.kernel.stop() };
}

async function imap(written: string, room: PlaceRoom): Promise<Source> {
  const url = URL.canParse(written) ? new URL(written) : null;
  if (!url || url.hostname === "") throw usageError(`"${written}" is no place: write imaps://USER@HOST`);
  if (url.password !== "") {
    throw usageError("a password in a command line can be read by everybody on this machine: say --password-file");
  }
  const user = url.username === "" ? room.account.login : decodeURIComponent(url.username);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isHere = host === "localhost" || (isIP(host) !== 0 && /^(?:127\.|::1$)/.test(host));
  const isImplicit = url.protocol === "imaps:";
  const { imapSource } = await import("./imap-source.ts");
  return imapSource({
    host,
    port: Number(url.port) || (isImplicit ? 993 : 143),
    // In clear only where nobody can listen.
    tls: isImplicit ? "implicit" : isHere ? "none" : "starttls",
    user,
    password: await room.password(user),
    isInsecure: room.isInsecure,
  });
}
