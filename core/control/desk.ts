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
import type { Action, ControlAnswer, ControlRequest, ListedMessage, QueueFilter, QueueState } from "./request.ts";

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
        yield* list(room, request.filter, request.areIdsEnough === true);
        break;
      case "show":
        yield* show(room, request.id, request.hasContent);
        break;
      case "act":
        for (const id of request.ids) yield await act(room, request.action, id, request.text);
        break;
      case "flushAll":
        await room.actions.flushAll();
    }
    yield { is: "done" };
  } catch (cause) {
    yield { is: "wrong", reason: reasonOf(cause) };
  }
}

const HANDFUL = 200;

async function* list(
  { spool, actions, clock }: DeskRoom,
  filter: QueueFilter,
  areIdsEnough: boolean,
): AsyncGenerator<ControlAnswer> {
  const fits = filterOf(filter, clock.now());
  let left = filter.limit ?? Number.POSITIVE_INFINITY;
  let messages: ListedMessage[] = [];
  const answered = (): ControlAnswer => {
    const handful = messages;
    messages = [];
    return areIdsEnough ? { is: "ids", ids: handful.map(({ id }) => id) } : { is: "messages", messages: handful };
  };
  for await (const some of spool.list()) {
    for (const summary of some) {
      const message = { ...summary, state: stateOf(actions, summary.id, summary.hold) };
      if (left <= 0 || !fits(message)) continue;
      messages.push(message);
      left -= 1;
    }
    if (messages.length >= HANDFUL) yield answered();
    if (left <= 0) break;
  }
  yield answered();
}

const stateOf = (actions: QueueActions, id: string, hold: string | null): QueueState =>
  actions.stateOf(id) ?? (hold === null ? "waiting" : "held");

/** Small enough for one line each. */
const PIECE_BYTES = 48 * 1024;

async function* show({ spool, actions }: DeskRoom, id: string, hasContent: boolean): AsyncGenerator<ControlAnswer> {
  const entry = await spool.read(id);
  if (!entry) return;
  const { envelope, state, message } = entry;
  const queueState = stateOf(actions, id, envelope.hold);
  yield { is: "shown", shown: { envelope, state, queueState, sizeBytes: message.sizeBytes } };
  if (!hasContent) return;
  for await (const piece of piecesOf(message)) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES)
      yield { is: "content", piece: Buffer.from(piece.subarray(at, at + PIECE_BYTES)).toString("base64") };
  }
}

async function* piecesOf(message: Message): AsyncGenerator<Uint8Array> {
  const inMemory = message.inMemory();
  if (inMemory) yield* inMemory;
  else for await (const piece of message.content()) yield piece as Uint8Array;
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
