/**
 * The spools of a data directory as an administrator reaches them: a worker that runs answers for its own, and one that nobody works
 * on is opened here, under the lock that a worker would take. So no message is ever changed by two processes.
 */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { existingSlots, spoolDirectory } from "../../app/data-directory.ts";
import { exitCodes } from "../../app/start-error.ts";
import type { Log } from "../../contracts/log.ts";
import type { Spool } from "../../contracts/spool.ts";
import { ask, openConversation } from "../../control/ask.ts";
import { answer } from "../../control/desk.ts";
import type { ControlAnswer, ControlRequest } from "../../control/request.ts";
import { controlSocket } from "../../control/socket-path.ts";
import { spoolActions } from "../../control/spool-actions.ts";
import { becomeOwner } from "../become-owner.ts";
import { CommandError } from "../command-error.ts";

/** Whoever is asked, for each slot of the data directory: its answers, one slot after the other. */
export interface Slots {
  ask(request: ControlRequest): AsyncGenerator<ControlAnswer>;
}

/** A worker has its lock before it listens. */
const STARTING_TRIES = 50;
const STARTING_PAUSE_MS = 100;

export function slotsOf(dataDir: string, log: Log): Slots {
  return {
    async *ask(request) {
      for (const slot of slotNumbers(dataDir)) {
        for await (const said of askSlot(spoolDirectory(dataDir, slot), request, log)) {
          if (said.is === "wrong") throw new CommandError(`slot ${slot}: ${said.reason}`, exitCodes.software);
          if (said.is !== "done") yield said;
        }
      }
    },
  };
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

async function* askSlot(directory: string, request: ControlRequest, log: Log): AsyncGenerator<ControlAnswer> {
  for (let tried = 0; ; tried += 1) {
    const socket = await openConversation(controlSocket(directory)).catch((cause: unknown) => {
      throw noAccess(directory, (cause as NodeJS.ErrnoException).code, cause);
    });
    if (socket) {
      yield* ask(socket, request);
      return;
    }
    if (!existsSync(join(directory, "journal")))
      throw new CommandError("the server is not running, and its spool is a plugin's", exitCodes.unavailable);
    const { uid, gid } = await stat(directory);
    const comeBack = becomeOwner({ uid, gid });
    try {
      const spool = await openAlone(directory, log);
      if (spool) {
        try {
          yield* answer({ spool, actions: spoolActions(spool), clock: Date }, request);
        } finally {
          await spool.close();
        }
        return;
      }
    } finally {
      comeBack();
    }
    if (tried >= STARTING_TRIES)
      throw new CommandError(`${directory} is in use, and nobody answers for it`, exitCodes.tempFail);
    await pause(STARTING_PAUSE_MS);
  }
}

/** `null`: somebody has it. */
async function openAlone(directory: string, log: Log): Promise<Spool | null> {
  const { openSpool } = await import("../../spool/open-spool.ts");
  try {
    return await openSpool({ dir: directory, log, clock: Date });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "DIRECTORY_IN_USE") return null;
    throw noAccess(directory, code, cause);
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
