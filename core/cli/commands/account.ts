/** `postern account ...`: people with mailboxes, in whichever directory plugin keeps them. */
import type { ServerConfig } from "../../app/config/server-config.ts";
import { findUser, prepareDataDirectory } from "../../app/data-directory.ts";
import type { AccountAdmin, AccountAdmins, AccountChange } from "../../contracts/account-admin.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { type Address, parseAddress } from "../../mail/address.ts";
import { CommandError, usageError } from "../command-error.ts";
import { type ConfigOption, configOf } from "../config.ts";
import { openOfflineKernel } from "../offline-kernel.ts";
import { readPassword } from "../password.ts";
import type { Terminal } from "../terminal.ts";

export interface PasswordOption extends ConfigOption {
  readonly passwordStdin?: boolean;
}

export const addAccount = (raw: string, options: PasswordOption, terminal: Terminal): Promise<void> =>
  withAdmins(options, terminal, async (admins, config) => {
    const address = addressOf(raw);
    const admin = admins.find((one) => one.serves(address.domain));
    if (!admin) {
      const places = admins.map(({ place }) => place).join(", ");
      throw new CommandError(
        `no directory keeps accounts of ${address.domain}: see the domains of ${places}`,
        exitCodes.config,
      );
    }
    const password = await readPassword(terminal, options.passwordStdin === true);
    await makeOwner(config);
    settle(await admin.add(address, password));
    terminal.out.write(`${address} added in ${admin.place}\n`);
  });

export const setPassword = (login: string, options: PasswordOption, terminal: Terminal): Promise<void> =>
  withAdmins(options, terminal, async (admins) => {
    const admin = await keeperOf(login, admins);
    const password = await readPassword(terminal, options.passwordStdin === true);
    settle(await admin.setPassword(login, password));
    terminal.out.write(`password of ${login} changed in ${admin.place}\n`);
  });

export const removeAccount = (login: string, options: ConfigOption, terminal: Terminal): Promise<void> =>
  withAdmins(options, terminal, async (admins) => {
    const admin = await keeperOf(login, admins);
    const home = (await admin.list()).find((account) => account.login === login)?.home;
    settle(await admin.remove(login));
    terminal.out.write(`${login} removed from ${admin.place}; its mail stays in ${home}\n`);
  });

export const listAccounts = (options: ConfigOption, terminal: Terminal): Promise<void> =>
  withAdmins(options, terminal, async (admins) => {
    for (const admin of admins) {
      for (const { login, addresses, home, hasPassword } of await admin.list()) {
        const others = addresses.map(String).filter((address) => address !== login);
        const facts = [login, ...others, home, ...(hasPassword ? [] : ["no password"])];
        terminal.out.write(`${facts.join("\t")}\n`);
      }
    }
  });

async function withAdmins(
  options: ConfigOption,
  terminal: Terminal,
  act: (admins: AccountAdmins["all"], config: ServerConfig) => Promise<void>,
): Promise<void> {
  const config = await configOf(options, terminal);
  const { kernel, admins } = await openOfflineKernel(config);
  try {
    if (admins.all.length === 0) {
      throw new CommandError("no plugin of this config keeps accounts that can be edited here", exitCodes.config);
    }
    await act(admins.all, config);
  } finally {
    await kernel.stop();
  }
}

/** Root may be here before the server's first start: directories give what they make to the owner of `dataDir`. */
async function makeOwner({ dataDir, user }: ServerConfig): Promise<void> {
  if (user !== null && process.getuid?.() === 0) await prepareDataDirectory(dataDir, findUser(user));
}

function addressOf(raw: string): Address {
  const address = parseAddress(raw);
  if (address === null || address.domain === "")
    throw usageError(`"${raw}" is no address; expected one such as ann@example.org`);
  return address;
}

async function keeperOf(login: string, admins: AccountAdmins["all"]): Promise<AccountAdmin> {
  for (const admin of admins) {
    if ((await admin.list()).some((account) => account.login === login)) return admin;
  }
  throw new CommandError(`there is no account "${login}"`, exitCodes.noUser);
}

function settle(change: AccountChange): void {
  if (change.at === "done") return;
  throw new CommandError(change.text, change.cause === "readOnly" ? exitCodes.cannotCreate : exitCodes.dataError);
}
