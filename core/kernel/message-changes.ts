/**
 * Applies the changes of an `amend` answer that concern the message itself. Header changes are made in memory and at once; a new
 * body comes as a stream and goes through an intake, so that its size is bounded by the spool and not by memory. Rejects when
 * the stream fails, when there is no room, or when a foreign message cannot be edited: a fault of whoever asked for it.
 */
import type { Readable } from "node:stream";
import type { Message } from "../contracts/envelope.ts";
import type { Intake } from "../contracts/submit.ts";
import type { Change } from "../contracts/verdicts.ts";
import { headerEnd } from "../mail/header.ts";
import { closedHeader } from "./header-edit.ts";
import { createMessage, editMessage, isStored, type StoredMessage } from "./message.ts";
import { unminded } from "./unminded.ts";

/** Changes that `applyToMessage` takes care of. */
export const isMessageChange = ({ op }: Change): boolean => messageChanges.has(op);

const messageChanges: ReadonlySet<Change["op"]> = new Set([
  "prepend",
  "append",
  "removeHeader",
  "editHeader",
  "readdress",
  "replaceBody",
]);

/** In order. A promise only if a body is replaced. */
export function applyToMessage(
  message: Message,
  changes: readonly Change[],
  receive: () => Intake,
): StoredMessage | Promise<StoredMessage> {
  const stored = asStored(message);
  const last = changes.findLast((change) => change.op === "replaceBody");
  const edited = editMessage(stored, changes);
  return last ? replaceBody(edited, last.body, receive) : edited;
}

/** A message whose pieces can be edited. Throws if it is kept where only its maker can reach it. */
export function asStored(message: Message): StoredMessage {
  if (isStored(message)) return message;
  const pieces = message.inMemory();
  if (!pieces) throw new TypeError("a message that the spool keeps in its own way cannot be edited");
  const bytes = Buffer.concat(pieces);
  const end = headerEnd(bytes);
  return end === -1 ? createMessage(bytes, []) : createMessage(bytes.subarray(0, end), [bytes.subarray(end)]);
}

/** A body that stops coming is a fault. */
const bodyTimeoutMs = 120_000;

async function replaceBody(message: StoredMessage, body: Readable, receive: () => Intake): Promise<StoredMessage> {
  const intake = receive();
  const pieces = (body as AsyncIterable<string | Uint8Array>)[Symbol.asyncIterator]();
  const late = tooLate();
  try {
    await intake.write(closedHeader(message.header));
    const lines = new CrlfLines();
    for (;;) {
      // A maker that never answers cannot be called off either: it is left alone.
      const { value, done } = await Promise.race([pieces.next(), late.passed]);
      if (done === true) break;
      await intake.write(lines.push(typeof value === "string" ? Buffer.from(value) : value));
    }
    await intake.write(lines.end());
    return asStored(await intake.end());
  } catch (cause) {
    body.destroy?.();
    await intake.abort();
    throw cause;
  } finally {
    late.callOff();
  }
}

function tooLate(): { readonly passed: Promise<never>; callOff(): void } {
  let timer: NodeJS.Timeout;
  const passed = unminded(
    new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("the new body did not end in time")), bodyTimeoutMs);
    }),
  );
  return { passed, callOff: () => clearTimeout(timer) };
}

/** Makes every line end a CRLF (RFC 5321 2.3.8): a bare CR or LF in a body is how commands are smuggled. */
class CrlfLines {
  #isAfterCr = false;

  push(chunk: Uint8Array): Uint8Array {
    const out = Buffer.allocUnsafe(chunk.length * 2 + 1);
    let at = 0;
    for (const byte of chunk) {
      if (this.#isAfterCr || byte === 0x0a) {
        out[at++] = 0x0d;
        out[at++] = 0x0a;
      }
      this.#isAfterCr = byte === 0x0d;
      if (byte !== 0x0a && byte !== 0x0d) out[at++] = byte;
    }
    return out.subarray(0, at);
  }

  end(): Uint8Array {
    return Buffer.from(this.#isAfterCr ? "\r\n" : "");
  }
}
