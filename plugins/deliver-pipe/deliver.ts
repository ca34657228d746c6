/** Hands one delivery to a command: recipients by runs, each run's outcome to each of its recipients. What the command did is never guessed. */
import { resolve } from "node:path";
import { splitExtension, wasDeliveredTo } from "postern/mail";
import type { Address, Clock, Delivery, LocalCommand, Log, Outcome, Recipient, ServerFacts } from "postern/plugin";
import { contentFor } from "./content.ts";
import { deferred, failed, outcomeOf } from "./exit-outcome.ts";
import { argumentsOf, originalOf } from "./macros.ts";
import type { PipeOptions } from "./options.ts";
import { findOwner, type Owner } from "./owner.ts";
import { runProgram } from "./run-program.ts";

export interface PipeRoom {
  readonly facts: ServerFacts;
  readonly log: Log;
  readonly clock: Clock;
  readonly configDir: string;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function deliverByPipe(
  delivery: Delivery,
  pipe: PipeOptions,
  room: PipeRoom,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...delivery.recipients];
  while (waiting.length > 0) {
    if (signal.aborted) return;
    const run = waiting.splice(0, pipe.maxRecipients);
    const outcome = await runOnce(delivery, run, pipe, room, signal);
    for (const recipient of run) await delivery.settle(recipient, outcome);
  }
}

async function runOnce(
  delivery: Delivery,
  recipients: readonly Recipient[],
  pipe: PipeOptions,
  room: PipeRoom,
  signal: AbortSignal,
): Promise<Outcome> {
  const [first] = recipients;
  const [program = "", ...templates] = pipe.command;
  if (!first) return deferred("4.3.0", "nobody to deliver to");
  const { sizeBytes } = delivery.message;
  if (pipe.maxSize > 0 && sizeBytes > pipe.maxSize)
    return failed("5.3.4", `The message has ${sizeBytes} octets, more than the ${pipe.maxSize} that are taken here`);
  if (pipe.fields.includes("deliveredTo") && wasDeliveredTo(delivery.message, first.address))
    return failed("5.4.6", `Mail for ${first.address} is going round in a loop`);
  const { recipientDelimiter } = room.facts;
  const args = argumentsOf(templates, delivery, recipients, { ...pipe, recipientDelimiter });
  // Postfix's allow_min_user: a program could take such an address for one of its options.
  if (args === null) return failed("5.1.3", "An address that begins with - is not taken here");
  const owner = await ownerFor(pipe.user, room, { pipe: pipe.name });
  if (owner === "none") return cannotRun;
  const end = await runProgram({
    argv: [program, ...args],
    owner,
    directory: resolve(room.configDir, pipe.directory),
    environment: { ...environmentOf(delivery, first, first.address, owner, room), ...pipe.environment },
    timeLimitMs: pipe.timeLimit,
    content: () => contentFor(delivery, first, { ...pipe, nowMs: room.clock.now() }),
    signal,
  });
  tell(room, delivery, { pipe: pipe.name, program }, end);
  return outcomeOf(end, pipe.name);
}

/** For `LocalCommands`: always one recipient, always with `Delivered-To`. */
export async function runCommand(
  delivery: Delivery,
  recipient: Recipient,
  command: LocalCommand,
  about: {
    readonly room: PipeRoom;
    readonly user: string | undefined;
    readonly timeLimitMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Outcome> {
  const { room, user, timeLimitMs, signal } = about;
  const whom: Recipient = { ...recipient, address: command.for };
  if (wasDeliveredTo(delivery.message, command.for))
    return failed("5.4.6", `Mail for ${command.for} is going round in a loop`);
  // The group is the user's: that of a file would be one that others have lent it to.
  const whose = command.owner ? String(command.owner.uid) : user;
  const owner = await ownerFor(whose, room, { for: String(command.for) });
  if (owner === "none") return cannotRun;
  const end = await runProgram({
    argv: command.argv,
    owner,
    directory: command.directory ?? "/",
    environment: environmentOf(delivery, whom, command.for, owner, room),
    timeLimitMs,
    content: () =>
      contentFor(delivery, whom, {
        fields: ["fromLine", "returnPath", "originalTo", "deliveredTo"],
        lineEnds: "lf",
        nowMs: room.clock.now(),
      }),
    signal,
  });
  tell(room, delivery, { for: String(command.for), program: command.argv[0] }, end);
  return outcomeOf(end, "command");
}

const cannotRun = deferred("4.3.5", "The command cannot be run now");

/** `null`: as this server, which is somebody then. Nothing runs as root that nobody has asked for in so many words. */
async function ownerFor(user: string | undefined, { log }: PipeRoom, about: object): Promise<Owner | null | "none"> {
  if (user === undefined) {
    if (process.getuid?.() !== 0) return null;
    log.error(about, "a command is not run: it has no user, and this server runs as root");
    return "none";
  }
  const owner = await findOwner(user);
  if (!("fault" in owner)) return owner;
  log.error({ ...about, user }, `a command is not run: ${owner.fault}`);
  return "none";
}

function tell(
  { log }: PipeRoom,
  { envelope }: Delivery,
  about: object,
  end: Awaited<ReturnType<typeof runProgram>>,
): void {
  if (end.at === "broken") log.error({ id: envelope.id, ...about, err: end.cause }, "a command cannot be run");
  else if (end.at === "tooLong" || end.at === "killed")
    log.warn({ id: envelope.id, ...about, end }, "a command did not come to its end");
  else log.debug({ id: envelope.id, ...about, end }, "a command has run");
}

/** local(8) of Postfix gives these. Nothing of this server's own environment. */
function environmentOf(
  { envelope }: Delivery,
  recipient: Recipient,
  address: Address,
  owner: Owner | null,
  { facts }: PipeRoom,
): Record<string, string> {
  const { bare, extension } = splitExtension(address.localPart, facts.recipientDelimiter);
  const { session } = envelope;
  const variables: Record<string, string> = {
    PATH,
    HOME: owner?.home ?? "/",
    LOGNAME: owner?.name ?? bare,
    USER: bare,
    SHELL: "/bin/sh",
    SENDER: envelope.reversePath === null ? "" : String(envelope.reversePath),
    RECIPIENT: String(address),
    ORIGINAL_RECIPIENT: originalOf(recipient),
    LOCAL: address.localPart,
    EXTENSION: extension.slice(1),
    DOMAIN: address.domain,
    CLIENT_ADDRESS: session?.remote.address ?? "",
    CLIENT_HOSTNAME: session?.remote.hostname ?? "",
    CLIENT_HELO: session?.heloName ?? "",
    CLIENT_PROTOCOL: session?.protocol.toUpperCase() ?? "",
    SASL_USERNAME: session?.identity?.login ?? "",
    QUEUE_ID: envelope.id,
  };
  // Nothing that a shell of the command might stumble over: a sender may have chosen it.
  for (const [name, value] of Object.entries(variables))
    variables[name] = value.replace(/[^ -~\u0080-\uffff]|[`$;&|<>(){}\\"'*?]/g, "_");
  return variables;
}
