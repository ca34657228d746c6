/**
 * The command line: which commands there are, and what their failures look like to the one who typed them: one message, one
 * exit code of sysexits.h, and a stack trace only when `POSTERN_DEBUG` is set. A command's modules are loaded when it is
 * asked for: `postern version` needs neither plugins nor schemas.
 */
import { Command, CommanderError } from "commander";
import { asStartError, StartError } from "../app/start-error.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { CommandError } from "./command-error.ts";
import { versionText } from "./commands/version.ts";
import { describeMailbox } from "./mailbox/describe.ts";
import { filterFlags } from "./queue/filter-options.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one command line; the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const program = describe(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    return fail(error, terminal);
  }
}

function describe(terminal: Terminal, end: (exitCode: number) => void): Command {
  const program = new Command("postern")
    .description("A mail server made of plugins.")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.err.write(text),
      outputError: (text, write) => write(`postern: ${text.replace(/^error: /, "")}`),
    })
    .showSuggestionAfterError()
    .version(versionText(), "-V, --version", "print the version")
    .helpCommand("help [command]", "Says more about a command.");
  const config = ["-c, --config <file>", "the config file; looked for in this directory otherwise"] as const;

  program
    .command("start")
    .description("Start the server in the foreground. Ctrl-C or SIGTERM drains and ends it.")
    .option(...config)
    .action(async (options) => (await import("./commands/start.ts")).start(options, terminal));
  program
    .command("check")
    .description("Say everything that is wrong with the config, the plugins and their surroundings. Exit code 0 or 1.")
    .option(...config)
    .option("--dns", "ask the DNS about this server, too")
    .action(async (options) => end(await (await import("./commands/check.ts")).check(options, terminal)));
  program
    .command("explain [hook]")
    .description("Print each hook's chain of plugins, in the order they are asked.")
    .option(...config)
    .option("--all", "also the hooks that nobody listens to")
    .action(async (hook, options) => (await import("./commands/explain.ts")).explain(hook, options, terminal));

  const account = program.command("account").description("People with mailboxes here.");
  account
    .command("list")
    .description("Login, further addresses and home of each account, between tabs.")
    .option(...config)
    .action(async (options) => (await accounts()).listAccounts(options, terminal));
  for (const [name, text, act] of [
    ["add <address>", "Add an account; asks for its password.", "addAccount"],
    ["passwd <login>", "Change a password.", "setPassword"],
  ] as const) {
    account
      .command(name)
      .description(text)
      .option(...config)
      .option("--password-stdin", "read the password from standard input, one line")
      .action(async (who, options) => (await accounts())[act](who, options, terminal));
  }
  account
    .command("remove <login>")
    .description("Remove an account; its mail stays on disk.")
    .option(...config)
    .action(async (login, options) => (await accounts()).removeAccount(login, options, terminal));

  describeQueue(program, config, terminal, end);
  describeMailbox(program, config, terminal, end);

  const map = program
    .command("map")
    .description("Look-up tables: hash:FILE, pcre:FILE, cidr:FILE, inline:{ ... } and so on.");
  const tableConfig = [
    "-c, --config <file>",
    "a config file: for the tables of its plugins, its origin, paths beside it",
  ] as const;
  map
    .command("query <table> <key>")
    .description(
      "Print what a table has for a key, as postmap -q does; - reads keys from standard input. Exit code 1: nothing.",
    )
    .option(...tableConfig)
    .option(
      "--as <order>",
      "ask for all keys of an address, host or client in order: virtual, access, transport, host, client",
    )
    .option("-q", "may be said out of habit")
    .action(async (table, key, options) =>
      end(await (await import("./commands/map.ts")).queryMap(table, key, options, terminal)),
    );
  map
    .command("check <table>")
    .description("Print the lines of a table that do not hold. Exit code 1: there are some.")
    .option(...tableConfig)
    .action(async (table, options) =>
      end(await (await import("./commands/map.ts")).checkMap(table, options, terminal)),
    );

  for (const [name, text] of [
    ["sendmail", "Hand a message over, as programs expect of sendmail(1); works while the server is down."],
    ["mailq", "Show the queue, as mailq(1)."],
    ["newaliases", "Does nothing, as alias files are read as they are."],
  ] as const) {
    program
      .command(name)
      .description(text)
      .argument("[arguments...]")
      .allowUnknownOption()
      .helpOption(false)
      .action(async (_, __, command) =>
        end(await (await import("./sendmail.ts")).runSendmail(name, command.args, terminal)),
      );
  }

  program
    .command("tls-report [day]")
    .description(
      "How TLS with other domains went, as RFC 8460 has it: a line of JSON for each domain that wants reports. Yesterday, or another day (UTC).",
    )
    .option("--domain <domain>", "of this one alone")
    .option(...config)
    .action(async (day, options) =>
      end(await (await import("./commands/tls-report.ts")).tlsReport(day, options, terminal)),
    );

  program
    .command("plugin")
    .description("Plugins of your own.")
    .command("new <name>")
    .description("Make a package for a new plugin, with its test.")
    .option("--dir <directory>", "where to make it; postern-plugin-NAME in this directory otherwise")
    .action(async (name, options) => (await import("./commands/plugin-new.ts")).newPlugin(name, options, terminal));
  program
    .command("version")
    .description("Print the version.")
    .action(() => void terminal.out.write(`${versionText()}\n`));
  return program;
}

const queueActions = [
  ["hold", "Keep messages from being tried until they are released."],
  ["release", "Let held messages go."],
  ["flush", "Try messages now; with --all everything that waits."],
  ["requeue", "Try messages now as if for the first time: routed anew, without their back-off."],
  ["delete", "Throw messages away. Nobody is told."],
  ["bounce", "Give messages back to their senders, with a report."],
] as const;

function describeQueue(
  program: Command,
  config: readonly [string, string],
  terminal: Terminal,
  end: (exitCode: number) => void,
): void {
  const load = () => import("./commands/queue.ts");
  const withFilter = (command: Command): Command =>
    filterFlags.reduce((one, [flag, text]) => one.option(flag, text), command);
  const queue = program
    .command("queue")
    .description("Mail that waits: of the server that runs, or in the files of one that does not.");
  withFilter(queue.command("list").description("What waits, in no order."))
    .option("--limit <number>", "so many at the most")
    .option("--json", "a line of JSON for each")
    .option("-q, --quiet", "ids alone")
    .option(...config)
    .action(async (options) => (await load()).listQueue(options, terminal));
  queue
    .command("show <id>")
    .description("All that is known of one message.")
    .option("--json", "as JSON")
    .option("--content", "the message itself instead")
    .option(...config)
    .action(async (id, options) => (await load()).showMessage(id, options, terminal));
  for (const [action, text] of queueActions) {
    const command = withFilter(queue.command(`${action} [ids...]`).description(text))
      .option("--all", "everything that waits")
      .option("-y, --yes", "do not ask")
      .option("-q, --quiet", "print ids alone");
    if (action === "hold") command.option("--reason <text>", "why, for the list");
    if (action === "bounce") command.option("--reason <text>", "what senders are told");
    command
      .option(...config)
      .action(async (ids, options) => end(await (await load()).actOnQueue(action, ids, options, terminal)));
  }
}

const accounts = () => import("./commands/account.ts");

function fail(error: unknown, { err }: Terminal): number {
  if (error instanceof CommanderError) {
    // Help is printed as it was asked for; everything else is a slip at the keyboard, and told already.
    return error.exitCode === 0 ? 0 : exitCodes.usage;
  }
  const known = error instanceof CommandError || error instanceof StartError ? error : asStartError(error);
  err.write(`postern: ${known.message}\n`);
  if (process.env.POSTERN_DEBUG) err.write(`${error instanceof Error ? stackOf(error) : String(error)}\n`);
  return known.exitCode;
}

const stackOf = (error: Error): string =>
  `${error.stack ?? error.message}${error.cause instanceof Error ? `\ncaused by ${error.cause.stack ?? error.cause.message}` : ""}`;
