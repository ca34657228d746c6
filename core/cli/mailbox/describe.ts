/** The words of `postern mailbox`. Each verb is loaded when it is asked for. */
import type { Command } from "commander";
import type { Terminal } from "../terminal.ts";

const several = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export function describeMailbox(
  program: Command,
  config: readonly [string, string],
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const mailbox = program
    .command("mailbox")
    .description("Mailboxes of accounts. Safe beside a server that runs, and without one.");
  const named = (name: string, text: string): Command =>
    mailbox
      .command(`${name} [logins...]`)
      .description(text)
      .option("--all", "of all accounts")
      .option("--domain <domain>", "of all accounts of this domain")
      .option(...config);
  const folder = ["--folder <pattern>", "these mailboxes only; * is anything, % anything but /", several] as const;

  named("list", "Mailboxes, with what is in them.")
    .option(...folder)
    .option("--json", "a line of JSON for each")
    .option("-q, --quiet", "names alone")
    .action(async (logins, options) => (await import("./list.ts")).listMailboxes(logins, options, terminal));
  named("info", "All that is known of an account's mail: quota, counts, UIDVALIDITY.")
    .option(...folder)
    .option("--json", "a line of JSON for each account")
    .action(async (logins, options) => (await import("./info.ts")).showMailboxes(logins, options, terminal));
  named("quota", "How much accounts keep and may keep.")
    .option("--recalculate", "count anew")
    .option("--over", "only those over their soft limit, or full")
    .option("--json", "a line of JSON for each account")
    .action(async (logins, options) => (await import("./quota.ts")).showQuota(logins, options, terminal));
  named("check", "What is wrong on the disk; nothing is changed. Exit code 1: something is.")
    .option(...folder)
    .option("--json", "a line of JSON for each finding")
    .option("-q, --quiet", "no last line")
    .action(async (logins, options) =>
      end(await (await import("./check.ts")).checkMailboxes(logins, options, terminal)),
    );
  named("repair", "Mend what is wrong, lose nothing, and say what was done. Exit code 1: something stays.")
    .option(...folder)
    .option("--dry-run", "as check")
    .option("-y, --yes", "do not ask")
    .option("--json", "a line of JSON for each finding")
    .option("-q, --quiet", "no last line")
    .action(async (logins, options) =>
      end(await (await import("./repair.ts")).repairMailboxes(logins, options, terminal)),
    );

  named("expire", "Remove mail past its time, by the config's rules.")
    .option("--dry-run", "say what would go")
    .option("-y, --yes", "do not ask")
    .option("--json", "a line of JSON for each mailbox")
    .action(async (logins, options) => (await import("./expire.ts")).expireMail(logins, options, terminal));

  const acl = mailbox.command("acl").description("Who may use mailboxes of others.");
  acl
    .command("list <owner>")
    .description("Rights beside the mailboxes of an account, or of Shared/NAME.")
    .option(...folder)
    .option(...config)
    .option("--json", "a line of JSON for each")
    .action(async (owner, options) => (await import("./acl.ts")).listAcls(owner, options, terminal));
  acl
    .command("set <owner> <mailbox> <who> <rights>")
    .description(
      "Give rights: letters of lrswipkxtea; +letters adds. WHO is a login, group=NAME, anyone, authenticated or owner.",
    )
    .option(...config)
    .action(async (owner, mailbox, who, rights, options) =>
      (await import("./acl.ts")).setAcl({ owner, mailbox, who, rights }, options, terminal),
    );
  acl
    .command("remove <owner> <mailbox> <who>")
    .description("Remove somebody's entry.")
    .option(...config)
    .action(async (owner, mailbox, who, options) =>
      (await import("./acl.ts")).removeAcl({ owner, mailbox, who }, options, terminal),
    );
  acl
    .command("find [logins...]")
    .description("Read all rights, so that shared mailboxes show up: after a move from another server.")
    .option("--all", "of all accounts")
    .option("--domain <domain>", "of all accounts of this domain")
    .option(...config)
    .action(async (logins, options) => (await import("./acl.ts")).findAcls(logins, options, terminal));

  transfer(named("export", "Mail as mbox files or Maildirs."))
    .requiredOption("--to <place>", "maildir:DIR or mbox:DIR; {login}, {user}, {domain} stand for the account")
    .action(async (logins, options) => (await import("./export.ts")).exportMail(logins, options, terminal));
  credentials(
    transfer(
      mailbox
        .command("import <login> <place>")
        .description("Add mail: mbox:FILE, maildir:DIR, imaps://USER@HOST, config:FILE.")
        .option(...config),
    ),
  )
    .option("--into <mailbox>", "all of it into this mailbox, folders below it")
    .option("--keep-uids", "into empty mailboxes: with their UIDs and UIDVALIDITY")
    .option("--beyond-quota", "however full the account is")
    .action(async (login, place, options) => (await import("./import.ts")).importMail(login, place, options, terminal));
  credentials(
    transfer(named("move", "Bring accounts from another server or store, with their UIDs; run again, follow it.")),
  )
    .requiredOption(
      "--from <place>",
      "maildir:DIR, imaps://USER@HOST, config:FILE, mbox:DIR; {login}, {user}, {domain}",
    )
    .option("--no-keep-uids", "give new UIDs")
    .option("--beyond-quota", "however full the account is")
    .option("-y, --yes", "do not ask")
    .action(async (logins, options) => (await import("./move.ts")).moveMail(logins, options, terminal));

  function transfer(command: Command): Command {
    return command
      .option(...folder)
      .option("--rename <old=new>", "call a folder otherwise; may be said again", several)
      .option("--state <file>", "where to write down what is done; below dataDir otherwise")
      .option("--restart", "forget what earlier runs have done: all of it is brought once more")
      .option("--dry-run", "say what would be brought")
      .option("--json", "a line of JSON for each account")
      .option("-q, --quiet", "say nothing but what is wrong");
  }
}

function credentials(command: Command): Command {
  return command
    .option("--password-file <file>", "of the IMAP account; or lines of user:password")
    .option("--insecure", "take any certificate");
}
