/**
 * `postern mailbox acl`: who may use mailboxes of others. `set` and `remove` change the file beside the mailbox (RFC 4314, in Dovecot's
 * format), `list` shows it, `find` reads those of many accounts, so that they show up at those they are shared with.
 */
import { join } from "node:path";
import type { Log } from "../../contracts/log.ts";
import type { AclChange } from "../../contracts/sharing.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { jsonLine } from "../../kernel/json-line.ts";
import { formatRights, parseRights } from "../../mail/acl-rights.ts";
import { safeText } from "../../mail/header.ts";
import { canonicalSubject } from "../../sharing/acl-file.ts";
import { Acls, type Owned } from "../../sharing/acls.ts";
import { Grants } from "../../sharing/grants.ts";
import { nobodys } from "../../sharing/regions.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { ConfigOption } from "../config.ts";
import { type Terminal, written } from "../terminal.ts";
import {
  type AccountOptions,
  accountOf,
  foldersOf,
  type MailboxRoom,
  storeOf,
  withAccounts,
  withKernel,
} from "./accounts.ts";
import { table } from "./show.ts";

interface ListAclOptions extends ConfigOption {
  readonly folder?: readonly string[];
  readonly json?: boolean;
}

/** Damage goes to whoever types the command. */
const logTo = (terminal: Terminal): Log => {
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, text) => {
      terminal.err.write(`${text}: ${JSON.stringify(fields)}\n`);
    },
    error: (fields, text) => {
      terminal.err.write(`${text}: ${JSON.stringify(fields)}\n`);
    },
    child: () => log,
  };
  return log;
};

const aclsOf = ({ config }: MailboxRoom, terminal: Terminal): Acls => {
  const log = logTo(terminal);
  return new Acls({
    grants: new Grants(join(config.dataDir, "sharing", "grants"), log),
    groups: config.sharing.groups,
    log,
  });
};

/** An account by its login, or what the configuration shares, by its name there: `Shared/sales`. */
async function ownerOf(owner: string, { config, offline }: MailboxRoom): Promise<Owned> {
  const { shared, roots } = config.sharing;
  const root = owner.startsWith(`${shared}/`) ? roots.get(owner.slice(shared.length + 1)) : undefined;
  const account =
    root?.at === "home"
      ? nobodys(`${owner}/`, root.home)
      : await accountOf(root?.at === "account" ? root.login : owner, offline.accounts);
  const mail = await storeOf(offline).of(account);
  if (!mail.notes) throw new CommandError("this store cannot share mailboxes", exitCodes.config);
  return { login: account.login, mail };
}

export const listAcls = (owner: string, options: ListAclOptions, terminal: Terminal): Promise<void> =>
  withKernel(options, terminal, async (room) => {
    const owned = await ownerOf(owner, room);
    const acls = aclsOf(room, terminal);
    const rows: (readonly [string, string, string])[] = [];
    for (const mailbox of await foldersOf(owned.mail, options.folder)) {
      for (const { subject, isNegative, rights } of (await acls.of(owned, mailbox))?.entries ?? [])
        rows.push([mailbox, (isNegative ? "-" : "") + subject, formatRights(rights)]);
    }
    const text = options.json
      ? rows.map(([mailbox, who, rights]) => jsonLine({ owner: owned.login, mailbox, who, rights })).join("")
      : table(["MAILBOX", "WHO", "RIGHTS"], rows);
    await written(terminal, text);
  });

/** A bare login is a user; `-` in front takes rights away. */
function subjectOf(who: string): Pick<AclChange, "subject" | "isNegative"> {
  const isNegative = who.startsWith("-");
  const name = isNegative ? who.slice(1) : who;
  const subject = canonicalSubject(name) ?? canonicalSubject(`user=${name}`);
  if (subject === null || name === "") throw usageError(`"${safeText(who)}" is nobody that rights could be about`);
  return { subject, isNegative };
}

export interface AclTarget {
  readonly owner: string;
  readonly mailbox: string;
  readonly who: string;
}

export async function setAcl(
  { owner, mailbox, who, rights: text }: AclTarget & { readonly rights: string },
  options: ConfigOption,
  terminal: Terminal,
): Promise<void> {
  const mode = text.startsWith("+") ? "add" : "replace";
  const rights = parseRights(mode === "add" ? text.slice(1) : text);
  if (rights === null)
    throw usageError(`"${safeText(text)}" is no list of rights: letters of lrswipkxtea, + in front adds them`);
  await withKernel(options, terminal, async (room) => {
    const owned = await ownerOf(owner, room);
    const subject = subjectOf(who);
    await aclsOf(room, terminal).change(owned, mailbox, { ...subject, mode, rights });
  });
}

export const removeAcl = (
  { owner, mailbox, who }: AclTarget,
  options: ConfigOption,
  terminal: Terminal,
): Promise<void> =>
  withKernel(options, terminal, async (room) => {
    const owned = await ownerOf(owner, room);
    await aclsOf(room, terminal).remove(owned, mailbox, subjectOf(who));
  });

export const findAcls = (logins: readonly string[], options: AccountOptions, terminal: Terminal): Promise<void> =>
  withAccounts(logins, options, terminal, async (accounts, room) => {
    const acls = aclsOf(room, terminal);
    let shared = 0;
    for (const { account, mail } of accounts) {
      const owned = { login: account.login, mail };
      for (const mailbox of await foldersOf(mail, undefined)) if (await acls.of(owned, mailbox)) shared++;
    }
    await written(terminal, `${accounts.length} accounts looked at, ${shared} mailboxes with rights of their own.\n`);
  });
