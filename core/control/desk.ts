/**
 * What an administrator asks of one spool, answered: lists, single messages, actions. Never throws: what fails is an answer.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Message } from "../contracts/envelope.ts";
import type { Changed, QueueActions } from "../contracts/queue-actions.ts";
import type { Spool } from "../contracts/spool.ts";
import { filterOf } from "./filter.ts";
import { rowsIn } from "./list-form.ts";
import type { Action, ControlAnswer, ControlRequest, ListForm, QueueFilter, QueueState } from "./request.ts";

export interface DeskRoom {
  readonly spool: Spool;
  readonly queue: QueueActions;
  readonly clock: Clock;
}

export async function* answer(room: DeskRoom, request: ControlRequest): AsyncGenerator<ControlAnswer> {
  try {
    switch (request.ask) {
      case "list":
        yield* listed({ ...room, stateOf: (id) => room.queue.stateOf(id) }, request.filter, request.form);
        break;
      case "show":
        yield* show(room, request.id, request.hasContent);
        break;
      case "act":
        yield* actOnAll(room, request);
        break;
      case "flushAll":
        await room.queue.flush();
        break;
      default:
        throw new Error("a request that this server does not know");
    }
    yield { is: "done" };
  } catch (cause) {
    yield { is: "wrong", reason: reasonOf(cause) };
  }
}

/** Rows are put together to pieces of about this size. */
const PIECE_CHARACTERS = 64 * 1024;

export interface ListRoom {
  readonly spool: Pick<Spool, "list">;
  readonly stateOf: QueueActions["stateOf"];
  readonly clock: Clock;
}

/** Rows in pieces, and how many they were. */
export async function* listed(
  { spool, stateOf, clock }: ListRoom,
  filter: QueueFilter,
  form: ListForm,
): AsyncGenerator<ControlAnswer> {
  const nowMs = clock.now();
  const fits = filterOf(filter, nowMs);
  const rowOf = rowsIn(form, nowMs);
  const { limit = Number.POSITIVE_INFINITY } = filter;
  let rows = "";
  // The first ones at once: somebody waits for them.
  let enough = 1;
  let messages = 0;
  let sizeBytes = 0;
  for await (const some of spool.list()) {
    for (const summary of some) {
      const message = { ...summary, state: stateIn(stateOf(summary.id), summary.hold) };
      if (messages >= limit || !fits(message)) continue;
      messages += 1;
      sizeBytes += summary.sizeBytes;
      rows += rowOf(message);
    }
    if (rows.length >= enough) {
      yield { is: "piece", piece: Buffer.from(rows) };
      rows = "";
      enough = PIECE_CHARACTERS;
    }
    if (messages >= limit) break;
  }
  if (rows !== "") yield { is: "piece", piece: Buffer.from(rows) };
  yield { is: "listed", messages, sizeBytes };
}

const stateIn = (atWork: ReturnType<QueueActions["stateOf"]>, hold: string | null): QueueState =>
  atWork ?? (hold === null ? "waiting" : "held");

/** What a client has to take at once. */
const PIECE_BYTES = 256 * 1024;

async function* show({ spool, queue }: DeskRoom, id: string, hasContent: boolean): AsyncGenerator<ControlAnswer> {
  const entry = await spool.read(id);
  if (!entry) return;
  const { envelope, state, message } = entry;
  const queueState = stateIn(queue.stateOf(id), envelope.hold);
  yield { is: "shown", shown: { envelope, state, queueState, sizeBytes: message.sizeBytes } };
  if (!hasContent) return;
  for await (const piece of piecesOf(message)) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES)
      yield { is: "piece", piece: piece.subarray(at, at + PIECE_BYTES) };
  }
}

async function* piecesOf(message: Message): AsyncGenerator<Uint8Array> {
  const inMemory = message.inMemory();
  if (inMemory) yield* inMemory;
  else for await (const piece of message.content()) yield piece as Uint8Array;
}

/** They are made durable together. */
const ACT_AT_ONCE = 32;

async function* actOnAll(
  room: DeskRoom,
  { action, ids, text }: ControlRequest & { readonly ask: "act" },
): AsyncGenerator<ControlAnswer> {
  for (let at = 0; at < ids.length; at += ACT_AT_ONCE)
    yield* await Promise.all(ids.slice(at, at + ACT_AT_ONCE).map((id) => act(room, action, id, text ?? undefined)));
}

async function act({ queue }: DeskRoom, action: Action, id: string, text: string | undefined): Promise<ControlAnswer> {
  try {
    const changed = await perform(queue, action, id, text);
    if (changed === "held") return { is: "acted", acted: { id, at: "failed", reason: "it is held; release it first" } };
    return { is: "acted", acted: { id, at: changed === "unknown" ? "unknown" : "done" } };
  } catch (cause) {
    return { is: "acted", acted: { id, at: "failed", reason: reasonOf(cause) } };
  }
}

function perform(queue: QueueActions, action: Action, id: string, text: string | undefined): Promise<Changed> {
  switch (action) {
    case "hold":
      return queue.hold(id, text);
    case "bounce":
      return queue.bounce(id, text);
    case "delete":
      return queue.remove(id);
    case "flush":
      return queue.retry(id);
    case "release":
      return queue.release(id);
    case "requeue":
      return queue.requeue(id);
    default:
      throw new Error("an action that this server does not know");
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
