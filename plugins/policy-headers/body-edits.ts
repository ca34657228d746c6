/** Edits of a body as ranges of octets, and the body with them as a stream: nothing of it is held. */
import { Readable } from "node:stream";
import type { Message } from "postern/plugin";

export interface BodyEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** `edits` in the order of the body, none in another. `headerBytes` come before the body and are left out. */
export const editedBody = (message: Message, headerBytes: number, edits: readonly BodyEdit[]): Readable =>
  Readable.from(pieces(message, headerBytes, edits), { objectMode: false });

async function* pieces(message: Message, headerBytes: number, edits: readonly BodyEdit[]): AsyncGenerator<Uint8Array> {
  let position = -headerBytes;
  let next = 0;
  /** Up to where the body has been passed over or given out. */
  let done = 0;
  for await (const chunk of message.content()) {
    const bytes = chunk as Buffer;
    const from = position;
    position += bytes.length;
    for (let edit = edits[next]; edit && edit.start < position; edit = edits[next]) {
      if (edit.start > done) yield bytes.subarray(Math.max(0, done - from), edit.start - from);
      if (edit.text !== "") yield Buffer.from(edit.text);
      done = Math.max(done, edit.end);
      next += 1;
    }
    if (position > done) yield bytes.subarray(Math.max(0, done - from));
    done = Math.max(done, position);
  }
  for (const edit of edits.slice(next)) if (edit.text !== "") yield Buffer.from(edit.text);
}
