/**
 * Whose mailboxes a command is about: named accounts, all of a domain, or all. Works beside a running server, as stores are safe between
 * processes; what root types is written as the server's user.
 */
import type { ServerConfig } from "../../app/config/server-config.ts";
import type { Account } from "../../contracts/account.ts";
import { type AccountMailboxes, MailboxStore } from "../../contracts/mailbox-store.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { mailboxMatcher } from "../../mail/mailbox-pattern.ts";
import { becomeOwner } from "../become-owner.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, configOf } from "../config.ts";
import { type OfflineKernel, openOfflineKernel } from "../offline-kernel.ts";
import { statIfThere } from "../stat-if-there.ts";
import type { Terminal } from "../terminal.ts";

export interface AccountOptions extends ConfigOption {
  readonly all?: boolean;
  readonly domain?: string;
}

export interface OpenAccount {
  readonly account: Account;
  readonly mail: AccountMailboxes;
}

export interface MailboxRoom {
  readonly config: ServerConfig;
  readonly offline: OfflineKernel;
}

/** Opens the config's store, runs the command on each account in turn, and closes everything. */
export async function withAccounts(
  logins: readonly string[],
  options: AccountOptions,
  terminal: Terminal,
  act: (accounts: readonly OpenAccount[], room: MailboxRoom) => Promise<void>,
): Promise<void> {
  const isBulk = options.all === true || options.domain !== undefined;
  if (logins.length === 0 && !isBulk) throw usageError("whose? Name accounts, or say --domain or --all");
  if (logins.length > 0 && isBulk) throw usageError("name accounts, or say --domain or --all, not both");
  await withKernel(options, terminal, async (room) => {
    const store = storeOf(room.offline);
    const accounts = await chosen(logins, options, room.offline);
    await act(await Promise.all(accounts.map(async (account) => ({ account, mail: await store.of(account) }))), room);
  });
}

/** The config's plugins, set up but not started, as the server's user. */
export async function withKernel(
  options: ConfigOption,
  terminal: Terminal,
  act: (room: MailboxRoom) => Promise<void>,
): Promise<void> {
  const config = await configOf(options, terminal);
  const owner = await statIfThere(config.dataDir);
  const comeBack = owner === null ? () => {} : becomeOwner(owner);
  try {
    const offline = await openOfflineKernel(config);
    try {
      await act({ config, offline });
    } catch (cause) {
      throw storeFault(cause);
    } finally {
      await offline.kernel.stop();
    }
  } finally {
    comeBack();
  }
}

/** Clients must not hear why a mailbox cannot be used; whoever types commands has to. */
function storeFault(cause: unknown): unknown {
  const exitCode = cause instanceof Error && "code" in cause ? STORE_FAULTS[String(cause.code)] : undefined;
  if (exitCode === undefined || !(cause instanceof Error)) return cause;
  const why = cause.cause instanceof Error ? `: ${cause.cause.message}` : "";
  return new CommandError(`${cause.message}${why}`, exitCode, { cause });
}

const STORE_FAULTS: Readonly<Record<string, number>> = {
  nonexistent: exitCodes.dataError,
  alreadyExists: exitCodes.dataError,
  cannot: exitCodes.dataError,
  overQuota: exitCodes.cannotCreate,
  noPermission: exitCodes.noPermission,
  inUse: exitCodes.tempFail,
  expunged: exitCodes.tempFail,
  limit: exitCodes.dataError,
  tooLarge: exitCodes.dataError,
  corruption: exitCodes.dataError,
  unavailable: exitCodes.tempFail,
};

export function storeOf({ kernel }: OfflineKernel): MailboxStore {
  try {
    return kernel.service(MailboxStore);
  } catch (cause) {
    throw new CommandError("no plugin of this config keeps mailboxes", exitCodes.config, { cause });
  }
}

async function chosen(
  logins: readonly string[],
  { domain }: AccountOptions,
  { accounts, admins }: OfflineKernel,
): Promise<readonly Account[]> {
  if (logins.length > 0) return Promise.all(logins.map((login) => accountOf(login, accounts)));
  if (admins.all.length === 0) {
    throw new CommandError("no plugin of this config can list its accounts: name them", exitCodes.config);
  }
  const listed = (await Promise.all(admins.all.map((admin) => admin.list()))).flat();
  const wanted = listed.filter(
    ({ addresses, login }) =>
      domain === undefined ||
      login.toLowerCase().endsWith(`@${domain.toLowerCase()}`) ||
      addresses.some((address) => address.domain === domain.toLowerCase()),
  );
  if (wanted.length === 0) {
    throw new CommandError(
      domain === undefined ? "there are no accounts" : `${domain} has no accounts`,
      exitCodes.noUser,
    );
  }
  return Promise.all(wanted.map(({ login }) => accountOf(login, accounts)));
}

export async function accountOf(login: string, accounts: OfflineKernel["accounts"]): Promise<Account> {
  const answer = await accounts.byLogin(login);
  if (answer.at === "found") return answer.account;
  if (answer.at === "unknown") throw new CommandError(`there is no account "${login}"`, exitCodes.noUser);
  throw new CommandError(`accounts cannot be looked up now: ${answer.reason}`, exitCodes.tempFail);
}

/** Whether a mailbox is meant: all are, or those that one of the patterns fits. */
export function folderFilter(patterns: readonly string[] | undefined): (name: string) => boolean {
  if (patterns === undefined || patterns.length === 0) return () => true;
  const matchers = patterns.map(mailboxMatcher);
  return (name) => matchers.some((fits) => fits(name));
}

/** Names of mailboxes with mail in them, those that are meant. */
export async function foldersOf(mail: AccountMailboxes, patterns: readonly string[] | undefined): Promise<string[]> {
  const isMeant = folderFilter(patterns);
  const names = (await mail.list()).filter(({ isSelectable }) => isSelectable).map(({ name }) => name);
  const meant = names.filter(isMeant);
  if (meant.length === 0 && patterns?.some((pattern) => !/[*%]/.test(pattern))) {
    throw new CommandError(`there is no mailbox ${patterns.join(", ")}`, exitCodes.dataError);
  }
  return meant;
}
