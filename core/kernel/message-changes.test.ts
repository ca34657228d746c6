import { expect, it, onTestFinished, vi } from "vitest";
import type { Message } from "../contracts/envelope.ts";
import type { Intake } from "../contracts/submit.ts";
import { messageOf } from "../testing/mail.ts";
import { createMessage, type StoredMessage } from "./message.ts";
import { applyToMessage } from "./message-changes.ts";

class KeptIntake implements Intake {
  readonly #pieces: Uint8Array[] = [];
  sizeBytes = 0;
  isAborted = false;

  write(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.sizeBytes += piece.length;
  }

  async end(): Promise<Message> {
    return messageOf(String(Buffer.concat(this.#pieces)));
  }

  async abort(): Promise<void> {
    this.isAborted = true;
  }
}

const textOf = (message: StoredMessage): string => Buffer.concat([...(message.inMemory() ?? [])]).toString();

/** Other copies of node's streams, and whatever else can be iterated. */
const foreign = (pieces: AsyncIterable<string>) => ({ op: "replaceBody", body: pieces as never }) as const;

async function* of(...pieces: string[]): AsyncGenerator<string> {
  yield* pieces;
}

it.each([
  ["with its empty line", "Subject: x\r\n\r\nold", "Subject: x\r\n\r\n"],
  ["without an empty line", "Subject: x\r\n", "Subject: x\r\n\r\n"],
  ["that ends in the middle of a line", "Subject: x", "Subject: x\r\n\r\n"],
  ["that is empty", "\r\nold", "\r\n"],
])("a new body stands behind the empty line of a header %s", async (_, text, header) => {
  const bytes = Buffer.from(text);
  const end = text.indexOf("old") < 0 ? bytes.length : text.indexOf("old");
  const message = createMessage(bytes.subarray(0, end), [bytes.subarray(end)]);
  const changed = await applyToMessage(message, [foreign(of("new\r", "\nbody\n"))], () => new KeptIntake());
  expect(textOf(changed)).toBe(`${header}new\r\nbody\r\n`);
});

it("a body that never comes is a fault after two minutes, whoever made the stream", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const intake = new KeptIntake();
  async function* hangs(): AsyncGenerator<string> {
    yield "a beginning";
    await new Promise(() => undefined);
  }
  const applied = applyToMessage(messageOf("Subject: x\n\nold\n"), [foreign(hangs())], () => intake);
  const failed = expect(applied).rejects.toThrow("did not end in time");
  await vi.advanceTimersByTimeAsync(120_000);
  await failed;
  expect(intake.isAborted).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});
