/** The queue as users may see it: of the workers that run, and nothing but the list. A worker that is busy or gone is no empty queue. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ask, openConversation } from "../../control/ask.ts";
import type { ControlRequest } from "../../control/request.ts";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { CommandError } from "../command-error.ts";
import { merged } from "./merged.ts";
import type { SlotAnswer, Slots } from "./slots.ts";

/** `directory`: where each worker has a socket. */
export function publicSlots(directory: string): Slots {
  const numbers = numbersIn(directory);
  return {
    numbers,
    ask(request, only = numbers) {
      const ended = new AbortController();
      return merged(
        only.map((slot) => askSocket(join(directory, String(slot)), slot, request, ended.signal)),
        () => ended.abort(),
      );
    },
  };
}

function numbersIn(directory: string): readonly number[] {
  const found = namesIn(directory).filter((name) => /^\d{1,6}$/.test(name));
  if (found.length === 0)
    throw new CommandError(
      "the server is not running: only root and the server's user can see the queue now",
      exitCodes.unavailable,
    );
  return found.map(Number).sort((one, other) => one - other);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return [];
    throw failure(cause, directory);
  }
}

async function* askSocket(
  path: string,
  slot: number,
  request: ControlRequest,
  signal: AbortSignal,
): AsyncGenerator<SlotAnswer> {
  const socket = await openConversation(path).catch((cause: unknown) => {
    throw failure(cause, path);
  });
  if (!socket) throw busy(slot);
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  const answers = ask(socket, request);
  for (;;) {
    const { value: said, done } = await answers.next().catch((cause: unknown) => {
      throw signal.aborted ? cause : busy(slot, cause);
    });
    if (done) return;
    if (said.is === "wrong") throw new CommandError(said.reason, exitCodes.tempFail);
    if (said.is !== "done") yield { slot, said };
  }
}

/** It ended, is about to start, or too many ask at once. */
const busy = (slot: number, cause?: unknown): CommandError =>
  new CommandError(`worker ${slot} does not answer now, so the list is not whole: try again`, exitCodes.tempFail, {
    cause,
  });

function failure(cause: unknown, path: string): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM") return cause;
  return new CommandError("the queue is not yours to see", exitCodes.noPermission, {
    cause: new Error(path, { cause }),
  });
}
