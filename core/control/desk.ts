/**
 * What an administrator asks of one spool, answered: lists, single messages, actions. With a queue that runs, actions go through it, so
 * that none meets a delivery under way; without one they are facts in the spool that the next start finds. Never throws: what fails is an
 * answer.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Message } from "../contracts/envelope.ts";
import type { Spool } from "../contracts/spool.ts";
import { safeText } from "../mail/header.ts";
import { filterOf } from "./filter.ts";
import { rowsIn } from "./list-form.ts";
import type { Action, ControlAnswer, ControlRequest, ListForm, QueueFilter, QueueState } from "./request.ts";

/** Each is durable when it resolves; `false`: there is no such message. */
export interface QueueActions {
  hold(id: string, reason: string): Promise<boolean>;
  release(id: string): Promise<boolean>;
  /** Rejects for one that is held: flushing says when, not whether. */
  flush(id: string): Promise<boolean>;
  requeue(id: string): Promise<boolean>;
  delete(id: string): Promise<boolean>;
  /** Open recipients have failed with this text; senders are told as they want. */
  bounce(id: string, text: string): Promise<boolean>;
  flushAll(): Promise<void>;
  /** `null`: it waits for its time, or is held. */
  stateOf(id: string): "active" | "ready" | null;
}

export interface DeskRoom {
  readonly spool: Spool;
  readonly actions: QueueActions;
  readonly clock: Clock;
}

export const heldFault = "it is held; release it first";

const texts = {
  hold: "held by the administrator",
  bounce: "The administrator of this server gave the message back",
} as const;

export async function* answer(room: DeskRoom, request: ControlRequest): AsyncGenerator<ControlAnswer> {
  try {
    switch (request.ask) {
      case "list":
        yield* list(room, request.filter, request.form);
        break;
      case "show":
        yield* show(room, request.id, request.hasContent);
        break;
      case "act":
        yield* actOnAll(room, request);
        break;
      case "flushAll":
        await room.actions.flushAll();
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

async function* list(
  { spool, actions, clock }: DeskRoom,
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
      const message = { ...summary, state: stateOf(actions, summary.id, summary.hold) };
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

const stateOf = (actions: QueueActions, id: string, hold: string | null): QueueState =>
  actions.stateOf(id) ?? (hold === null ? "waiting" : "held");

/** What a client has to take at once. */
const PIECE_BYTES = 256 * 1024;

async function* show({ spool, actions }: DeskRoom, id: string, hasContent: boolean): AsyncGenerator<ControlAnswer> {
  const entry = await spool.read(id);
  if (!entry) return;
  const { envelope, state, message } = entry;
  const queueState = stateOf(actions, id, envelope.hold);
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
    yield* await Promise.all(ids.slice(at, at + ACT_AT_ONCE).map((id) => act(room, action, id, text)));
}

async function act(room: DeskRoom, action: Action, id: string, text: string | null): Promise<ControlAnswer> {
  try {
    return { is: "acted", acted: { id, at: (await perform(room, action, id, text)) ? "done" : "unknown" } };
  } catch (cause) {
    return { is: "acted", acted: { id, at: "failed", reason: reasonOf(cause) } };
  }
}

const TEXT_LIMIT = 500;

function perform({ actions }: DeskRoom, action: Action, id: string, given: string | null): Promise<boolean> {
  // It goes into lists, logs and reports, and on disk as it is.
  const text = safeText(given ?? "")
    .trim()
    .slice(0, TEXT_LIMIT);
  if (action === "hold") return actions.hold(id, text || texts.hold);
  if (action === "bounce") return actions.bounce(id, text || texts.bounce);
  return actions[action](id);
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
