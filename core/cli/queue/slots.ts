/**
 * The spools of a data directory as an administrator reaches them: a worker that runs answers for its own, and one that nobody works
 * on is opened here, under the lock that a worker would take. So no message is ever changed by two processes.
 */
import { existsSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { existingSlots, spoolDirectory } from "../../app/data-directory.ts";
import type { Log } from "../../contracts/log.ts";
import { ask, openConversation } from "../../control/ask.ts";
import { answer } from "../../control/desk.ts";
import type { ControlAnswer, ControlRequest } from "../../control/request.ts";
import { controlSocket } from "../../control/socket-path.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { CommandError } from "../command-error.ts";
import type { Terminal } from "../terminal.ts";
import { merged } from "./merged.ts";
import { Owners } from "./owners.ts";
import { viewInThread } from "./view.ts";

/** Whoever is asked, for each slot of the data directory. */
export interface Slots {
  readonly numbers: readonly number[];
  /** What all of them answer, or those that are named, as it comes. */
  ask(request: ControlRequest, numbers?: readonly number[]): AsyncGenerator<SlotAnswer>;
}

export interface SlotAnswer {
  readonly slot: number;
  readonly said: Exclude<ControlAnswer, { readonly is: "done" | "wrong" }>;
}

/** A worker has its lock before it listens. */
const STARTING_TRIES = 50;
const STARTING_PAUSE_MS = 100;

export function slotsOf(dataDir: string, terminal: Terminal): Slots {
  const complain = (text: string) => void terminal.err.write(`postern: ${text}\n`);
  const all = slotNumbers(dataDir);
  return {
    numbers: all,
    ask(request, numbers = all) {
      const ended = new AbortController();
      const { signal } = ended;
      const owners = new Owners();
      const sources = numbers.map((slot) =>
        askSlot({ slot, directory: spoolDirectory(dataDir, slot), complain, signal, owners }, request),
      );
      return merged(sources, () => ended.abort());
    },
  };
}

/** Whether whoever calls is an administrator of the queue: root, or the server's user. */
export function isOurs(dataDir: string): boolean {
  const uid = process.geteuid?.() ?? 0;
  try {
    return uid === 0 || statSync(join(dataDir, "spool")).uid === uid;
  } catch {
    // Where it is closed it is another's; where there is none, nobody's.
    return false;
  }
}

/** What the spool has to say while it is opened here. */
function complaints(complain: SlotRoom["complain"]): Log {
  const tell = (_: object, text: string) => complain(text);
  const log: Log = { debug() {}, info() {}, warn: tell, error: tell, child: () => log };
  return log;
}

function slotNumbers(dataDir: string): readonly number[] {
  try {
    return existingSlots(dataDir);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A server that has never run has no queue.
    if (code === "ENOENT") return [];
    throw noAccess(dataDir, code, cause);
  }
}

interface SlotRoom {
  readonly slot: number;
  readonly directory: string;
  readonly complain: (text: string) => void;
  /** Nobody wants its answers any more. */
  readonly signal: AbortSignal;
  readonly owners: Owners;
}

async function* askSlot(room: SlotRoom, request: ControlRequest): AsyncGenerator<SlotAnswer> {
  const { slot, directory, signal } = room;
  for await (const said of (await conversation(directory, signal, request)) ?? askFiles(room, request)) {
    if (said.is === "wrong") throw new CommandError(`slot ${slot}: ${said.reason}`, exitCodes.software);
    if (!isKnown[said.is])
      throw new CommandError("the server that runs is of another version: start it anew", exitCodes.software);
    if (said.is !== "done") yield { slot, said };
  }
}

const isKnown: Readonly<Record<ControlAnswer["is"], true>> = {
  ...{ piece: true, listed: true, shown: true, acted: true, done: true, wrong: true },
};

/** `null`: nobody listens there. */
async function conversation(
  directory: string,
  signal: AbortSignal,
  request: ControlRequest,
): Promise<AsyncGenerator<ControlAnswer> | null> {
  const socket = await openConversation(controlSocket(directory)).catch((cause: unknown) => {
    throw noAccess(directory, (cause as NodeJS.ErrnoException).code, cause);
  });
  if (!socket) return null;
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  return ask(socket, request);
}

async function* askFiles(room: SlotRoom, request: ControlRequest): AsyncGenerator<ControlAnswer> {
  const { directory, signal, owners } = room;
  if (!existsSync(join(directory, "journal")))
    throw new CommandError("the server is not running, and its spool is a plugin's", exitCodes.unavailable);
  for (let tried = 0; !signal.aborted; tried += 1) {
    const comeBack = await owners.become(await stat(directory));
    try {
      yield* request.ask === "list" ? viewed(room, request) : changed(room, request);
      return;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code !== "DIRECTORY_IN_USE") throw noAccess(directory, code, cause);
    } finally {
      comeBack();
    }
    if (tried >= STARTING_TRIES)
      throw new CommandError(`${directory} is in use, and nobody answers for it`, exitCodes.tempFail);
    await pause(STARTING_PAUSE_MS);
    // Whoever has it may listen by now.
    const answers = await conversation(directory, signal, request);
    if (!answers) continue;
    yield* answers;
    return;
  }
}

const viewed = ({ directory, complain, signal }: SlotRoom, { filter, form }: ControlRequest & { ask: "list" }) =>
  viewInThread({ directory, filter, form }, { complain, signal });

async function* changed({ directory, complain }: SlotRoom, request: ControlRequest): AsyncGenerator<ControlAnswer> {
  const log = complaints(complain);
  const [{ openSpool }, { spoolActions }] = await Promise.all([
    import("../../spool/open-spool.ts"),
    import("../../queue/spool-actions.ts"),
  ]);
  const spool = await openSpool({ dir: directory, log, clock: Date });
  try {
    yield* answer({ spool, queue: spoolActions(spool, log), clock: Date }, request);
  } finally {
    await spool.close();
  }
}

function noAccess(directory: string, code: string | undefined, cause: unknown): unknown {
  if (code !== "EACCES" && code !== "EPERM") return cause;
  return new CommandError(
    `${directory} may not be entered: run this as root or as the server's user`,
    exitCodes.noPermission,
    { cause },
  );
}
