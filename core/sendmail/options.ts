/**
 * The command line of sendmail(1) as programs use it: letters with their arguments joined or behind, in any order, and names of recipients
 * between them. What sendmail or Postfix knows and what changes nothing here is taken and left aside; what asks for something that
 * is not to be had is refused with words about where it is. Throws a `SendmailError` (64).
 */
import type { Notify } from "../contracts/envelope.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { SendmailError } from "./sendmail-error.ts";

export type FlushTarget =
  | { readonly at: "all" }
  | { readonly at: "site"; readonly domain: string }
  | { readonly at: "id"; readonly id: string };

export type Mode =
  | { readonly at: "deliver" }
  | { readonly at: "verify" }
  | { readonly at: "smtp" }
  | { readonly at: "list" }
  | { readonly at: "aliases" }
  | { readonly at: "flush"; readonly target: FlushTarget };

export interface Options {
  readonly mode: Mode;
  readonly recipients: readonly string[];
  /** `-t` */
  readonly readsRecipients: boolean;
  /** A line with a dot alone ends the message. */
  readonly dotEnds: boolean;
  /** `-f`, `-r`; `null`: the user who calls. */
  readonly sender: string | null;
  /** `-F`; `null`: as the system has it. */
  readonly fullName: string | null;
  readonly notify: readonly Notify[];
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  readonly isVerbose: boolean;
  /** `-C`: where to look for what the server has written down for us. */
  readonly factsFile: string | null;
}

/** Letters that are followed by an argument; of the second group, only if it is joined to them. */
const WITH_ARGUMENT: ReadonlySet<string> = new Set([..."ABCFLNORVXbefhopr"]);
const WITH_JOINED: ReadonlySet<string> = new Set([..."qdD"]);
const ALONE: ReadonlySet<string> = new Set([..."GIUEcimnstv"]);

const refusedModes: Readonly<Record<string, string>> = {
  d: "there is no daemon to start here: the server is started by `postern start`",
  D: "there is no daemon to start here: the server is started by `postern start`",
  l: "there is no daemon to start here: the server is started by `postern start`",
  h: "there is no host status to be shown: see the server's log",
  H: "there is no host status to be cleared",
  t: "there is no test of addresses here: ask `sendmail -bv ADDRESS`, or `postern map query`",
  a: "the protocol of the ARPANET is not spoken any more",
  P: "the number of messages is shown by `sendmail -bp`",
};

const usage = (text: string): SendmailError => new SendmailError(text, exitCodes.usage);

/** `name`: what the program was called by. */
export function readOptions(name: string, args: readonly string[]): Options {
  const read: Mutable<Options> = { ...initial, mode: modeOfName[name] ?? initial.mode, recipients: [] };
  const recipients: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (arg === "--") {
      recipients.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      recipients.push(arg);
      continue;
    }
    for (let letterAt = 1; letterAt < arg.length; letterAt += 1) {
      const letter = arg[letterAt] ?? "";
      const joined = arg.slice(letterAt + 1);
      if (ALONE.has(letter)) {
        take(read, letter, "");
        continue;
      }
      if (WITH_JOINED.has(letter)) take(read, letter, joined);
      else if (!WITH_ARGUMENT.has(letter)) throw usage(`there is no option -${printable(letter)}`);
      else if (joined !== "") take(read, letter, joined);
      else {
        at += 1;
        const next = args[at];
        if (next === undefined) throw usage(`the option -${letter} needs an argument`);
        take(read, letter, next);
      }
      break;
    }
  }
  return { ...read, recipients };
}

const modeOfName: Readonly<Record<string, Mode>> = { mailq: { at: "list" }, newaliases: { at: "aliases" } };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const initial: Options = {
  mode: { at: "deliver" },
  recipients: [],
  readsRecipients: false,
  dotEnds: true,
  sender: null,
  fullName: null,
  notify: [],
  ret: null,
  envid: null,
  isVerbose: false,
  factsFile: null,
};

function take(read: Mutable<Options>, letter: string, argument: string): void {
  switch (letter) {
    case "t":
      read.readsRecipients = true;
      return;
    case "i":
      read.dotEnds = false;
      return;
    case "v":
      read.isVerbose = true;
      return;
    case "I":
      read.mode = { at: "aliases" };
      return;
    case "f":
    case "r":
      read.sender = argument;
      return;
    case "F":
      read.fullName = argument;
      return;
    case "C":
      read.factsFile = argument;
      return;
    case "b":
      read.mode = modeOf(argument);
      return;
    case "q":
      read.mode = { at: "flush", target: flushTarget(argument) };
      return;
    case "B":
      bodyType(argument);
      return;
    case "N":
      read.notify = notifyOf(argument);
      return;
    case "R":
      read.ret = retOf(argument);
      return;
    case "V":
      // RFC 3461 4.4: at most 100 characters, printable
      if (!/^[!-~]{1,100}$/.test(argument)) throw usage("-V takes 1 to 100 printable characters");
      read.envid = argument;
      return;
    case "o":
      // -oi; all others (-oem, -odb, -om, -o7 ...) say how sendmail is to work, which is the server's business here.
      if (argument.startsWith("i")) read.dotEnds = false;
      return;
    case "O":
      if (/^(?:IgnoreDots|i)=(?:t|y|1)/i.test(argument)) read.dotEnds = false;
      return;
    default:
    // Macros, labels of log lines, error modes, hop counts, debugging: they change nothing here.
  }
}

function modeOf(argument: string): Mode {
  switch (argument) {
    case "m":
      return { at: "deliver" };
    case "s":
      return { at: "smtp" };
    case "v":
      return { at: "verify" };
    case "p":
      return { at: "list" };
    case "i":
      return { at: "aliases" };
    default:
      throw usage(refusedModes[argument] ?? `there is no mode -b${printable(argument)}`);
  }
}

function flushTarget(argument: string): FlushTarget {
  const rest = argument.slice(1);
  if (argument === "" || argument === "f" || argument === "0") return { at: "all" };
  if (argument.startsWith("R") && rest !== "") return { at: "site", domain: rest.replace(/^@/, "") };
  if (argument.startsWith("I") && rest !== "") return { at: "id", id: rest };
  if (/^\d/.test(argument))
    throw usage("how often mail is tried again stands in the server's config (queue.firstRetry)");
  throw usage(`there is no -q${printable(argument)}: -q, -qRDOMAIN or -qIID`);
}

/** What the message has is seen from itself. */
function bodyType(argument: string): void {
  if (!/^(?:7bit|8bitmime)$/i.test(argument)) throw usage("-B is 7BIT or 8BITMIME");
}

/** RFC 3461 4.1: never stands alone. */
function notifyOf(argument: string): readonly Notify[] {
  const words = argument.toLowerCase().split(",");
  if (words.length === 1 && words[0] === "never") return ["never"];
  return [...new Set(words)].map((word) => {
    if (word === "success" || word === "failure" || word === "delay") return word;
    throw usage("-N is never, or some of success,failure,delay");
  });
}

function retOf(argument: string): "full" | "hdrs" {
  const word = argument.toLowerCase();
  if (word === "full" || word === "hdrs") return word;
  throw usage("-R is full or hdrs");
}

const printable = (text: string): string => text.replace(/[^\x21-\x7e]/g, "?").slice(0, 40);
