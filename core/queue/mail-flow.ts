/** The way of a message through this room, wired: the door in, the queue, the filing at the other end. */
import type { Filing } from "../contracts/delivery.ts";
import type { Submit } from "../contracts/submit.ts";
import type { SubmitRoom } from "./draft.ts";
import { createFiling } from "./filing.ts";
import { createQueue, type Queue, type QueueRoom } from "./queue.ts";
import { createSubmit } from "./submit.ts";

export interface MailFlowRoom extends Omit<SubmitRoom, "queue">, Pick<QueueRoom, "options" | "alarm" | "random"> {
  /** Number of this worker, unique among those that run at the same time. */
  readonly worker: number;
}

export interface MailFlow {
  readonly submit: Submit;
  readonly queue: Queue;
  readonly filing: Filing;
}

/** Nothing moves before `queue.start()`, but `submit` works at once. */
export function createMailFlow(room: MailFlowRoom): MailFlow {
  const submit: Submit = { open: (opening) => door.open(opening) };
  const queue = createQueue({ ...room, submit });
  const door = createSubmit({ ...room, queue });
  return { submit, queue, filing: createFiling({ ...room, submit }) };
}
