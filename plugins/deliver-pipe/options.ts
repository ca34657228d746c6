/** The options of deliver-pipe, and what can be wrong with them beyond their schema. */
import { access, constants, stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { Duration, type Finding, Size, type Static, Type } from "postern/plugin";
import { templateFault } from "./macros.ts";
import { findOwner } from "./owner.ts";

const Pipe = Type.Object({
  name: Type.String({
    pattern: "^[a-z][a-z0-9-]*$",
    expected: "a transport's name such as maildrop",
    description: "The transport that routes name.",
  }),
  command: Type.Array(Type.String(), {
    minItems: 1,
    description: "Program with its absolute path, and arguments, each with its macros; no shell sees them.",
  }),
  user: Type.Optional(
    Type.String({
      description: "`user` or `user:group` that it runs as; only a server that runs as root can do that.",
    }),
  ),
  directory: Type.String({ default: "/", description: "Working directory." }),
  environment: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: "Variables besides `PATH` and those listed below.",
  }),
  timeLimit: Duration({ default: "1000s", minimum: "1s", description: "Then it is killed, with all it has started." }),
  maxSize: Size({ default: "0", description: "Larger messages are returned with 5.3.4; `0`: no limit." }),
  maxRecipients: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 1000,
    description: "Recipients of one message that one run is for.",
  }),
  lineEnds: Type.Union([Type.Literal("lf"), Type.Literal("crlf")], {
    default: "lf",
    description: "Line ends of what it reads.",
  }),
  fields: Type.Array(
    Type.Union([
      Type.Literal("fromLine"),
      Type.Literal("returnPath"),
      Type.Literal("originalTo"),
      Type.Literal("deliveredTo"),
    ]),
    {
      default: ["returnPath"],
      description:
        "What stands in front: `fromLine` (and `From ` is quoted in the text), `Return-Path`, `X-Original-To`, `Delivered-To` (which also finds loops).",
    },
  ),
  nullSender: Type.String({ default: "MAILER-DAEMON", description: "What the macro `sender` is for the null sender." }),
  allowDash: Type.Boolean({
    default: false,
    description: "Whether an argument that is a macro may begin with `-`: the program may take it for an option.",
  }),
});

export const Options = Type.Object({
  pipes: Type.Array(Pipe, { default: [], description: "Commands, each with the name of its transport." }),
  aliasUser: Type.Optional(
    Type.String({
      description: "`user` or `user:group` for commands that other plugins ask for, unless they say who.",
    }),
  ),
  aliasTimeLimit: Duration({
    default: "1000s",
    minimum: "1s",
    description: "For commands that other plugins ask for (`|command` of alias-system).",
  }),
});
export type PipeOptions = Static<typeof Pipe>;

export async function findings(pipes: readonly PipeOptions[], configDir: string): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const seen = new Set<string>();
  for (const pipe of pipes) {
    const say = (severity: Finding["severity"], text: string) =>
      found.push({ severity, text: `${pipe.name}: ${text}` });
    if (seen.has(pipe.name)) say("error", "there are two pipes of this name");
    seen.add(pipe.name);
    const fault = optionFault(pipe);
    if (fault !== null) say("error", fault);
    const [program = ""] = pipe.command;
    const why = isAbsolute(program) ? await programFault(program) : null;
    if (why !== null) say("error", why);
    const whom = await ownerFault(pipe.user);
    if (whom !== null) say("error", whom);
    const isDirectory = await stat(resolve(configDir, pipe.directory)).then(
      (one) => one.isDirectory(),
      () => false,
    );
    if (!isDirectory) say("error", `${pipe.directory} is no directory`);
  }
  return found;
}

async function ownerFault(user: string | undefined): Promise<string | null> {
  const ownUid = process.getuid?.();
  if (user === undefined)
    return ownUid === 0 ? "has no user: a server that runs as root runs nothing as root by itself" : null;
  const owner = await findOwner(user);
  if ("fault" in owner) return owner.fault;
  return ownUid !== 0 && owner.uid !== ownUid ? `only a server that runs as root can run it as ${user}` : null;
}

/** What keeps the plugin from starting. */
export function optionFault(pipe: PipeOptions): string | null {
  const [program = "", ...args] = pipe.command;
  if (!isAbsolute(program)) return `${JSON.stringify(program)} is no absolute path`;
  for (const arg of args) {
    const fault = templateFault(arg);
    if (fault !== null) return fault;
  }
  if (pipe.maxRecipients > 1 && pipe.fields.some((field) => field === "deliveredTo" || field === "originalTo"))
    return "deliveredTo and originalTo are for one recipient a run: maxRecipients has to be 1";
  return null;
}

async function programFault(program: string): Promise<string | null> {
  try {
    if (!(await stat(program)).isFile()) return `${program} is no program`;
    await access(program, constants.X_OK);
    return null;
  } catch {
    return `${program} does not exist or may not be run`;
  }
}
