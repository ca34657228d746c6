/**
 * The queue for those who may see it and no more: a socket that answers with the list as mailq(1) has it, and with nothing else. Pieces are made one
 * at a time, whoever asks, with a pause as long as the making took: all who look together cost half of a worker's time at the most. Who takes too
 * long to read is cut off.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../contracts/log.ts";
import { type ListRoom, listed } from "./desk.ts";
import type { ControlAnswer, ControlRequest } from "./request.ts";
import { type ControlListener, openSocket, type SocketAccess } from "./serve.ts";

/** At a time, and at a worker. */
const CONNECTIONS = 8;
const REQUEST_OCTETS = 1024;
const IDLE_MS = 10_000;
const LONGEST_MS = 5 * 60_000;

export const openPublicList = (
  path: string,
  room: ListRoom,
  access: SocketAccess,
  log: Log,
): Promise<ControlListener> => {
  const inTurn = takingTurns();
  return openSocket(
    path,
    {
      ...{ access, connections: CONNECTIONS, requestOctets: REQUEST_OCTETS, idleMs: IDLE_MS, longestMs: LONGEST_MS },
      answer: (request) => paced(answer(room, request, log), inTurn),
    },
    log,
  );
};

async function* answer(room: ListRoom, request: ControlRequest, log: Log): AsyncGenerator<ControlAnswer> {
  if (request.ask !== "list" || request.form !== "mailq") {
    yield { is: "wrong", reason: "there is nothing here but the list of mailq" };
    return;
  }
  try {
    // A filter could cost more than it spares.
    yield* listed(room, {}, "mailq");
    yield { is: "done" };
  } catch (cause) {
    // What ails the spool is the administrator's.
    log.warn({ err: cause }, "users cannot see the queue now");
    yield { is: "wrong", reason: "the queue cannot be listed now" };
  }
}

async function* paced<T>(
  source: AsyncGenerator<T>,
  inTurn: <R>(work: () => Promise<R>) => Promise<R>,
): AsyncGenerator<T> {
  try {
    for (;;) {
      const { value, done } = await inTurn(async () => {
        const begun = performance.now();
        const next = await source.next();
        await pause(performance.now() - begun);
        return next;
      });
      if (done) return;
      yield value;
    }
  } finally {
    await source.return(undefined);
  }
}

function takingTurns(): <R>(work: () => Promise<R>) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}
