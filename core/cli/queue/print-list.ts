/**
 * A list, passed on as it comes: rows are written where the messages are, and nobody looks at them here. With a limit one slot is asked
 * after the other, as long as there is something left of it.
 */
import type { ListForm, QueueFilter } from "../../control/request.ts";
import { type Terminal, written } from "../terminal.ts";
import type { Slots } from "./slots.ts";

export interface ListRequest {
  readonly filter: QueueFilter;
  readonly form: ListForm;
  /** Before the first row. */
  readonly head: string;
}

/** What was listed; `null`: nobody reads any more. */
export async function printList(
  slots: Slots,
  { filter, form, head }: ListRequest,
  terminal: Terminal,
): Promise<{ readonly messages: number; readonly sizeBytes: number } | null> {
  const { limit } = filter;
  let messages = 0;
  let sizeBytes = 0;
  let isBegun = false;
  for (const numbers of limit === undefined ? [slots.numbers] : slots.numbers.map((slot) => [slot])) {
    const left = limit === undefined ? filter : { ...filter, limit: limit - messages };
    if (left.limit === 0) break;
    for await (const { said } of slots.ask({ ask: "list", filter: left, form }, numbers)) {
      if (said.is === "listed") {
        messages += said.messages;
        sizeBytes += said.sizeBytes;
      } else if (said.is === "piece") {
        if (!isBegun && head !== "") await written(terminal, head);
        isBegun = true;
        if (!(await written(terminal, said.piece))) return null;
      }
    }
  }
  return { messages, sizeBytes };
}
