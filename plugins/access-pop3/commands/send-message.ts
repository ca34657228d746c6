/**
 * A message, or the top of it, as a multi-line response. Small ones leave in one piece; larger ones are read as fast as the
 * client takes them. A fault after the first line ends the connection: nothing else would tell the client that it has a part.
 */
import type { Readable } from "node:stream";
import type { MessageEntry } from "postern/plugin";
import type { Maildrop } from "../maildrop.ts";
import { DotStuffing, LineLimit } from "../multi-line.ts";
import { formatReply, ok } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

const IN_MEMORY_BYTES = 256 * 1024;

export async function sendMessage(
  session: Pop3Session,
  maildrop: Maildrop,
  { entry, bodyLines }: { readonly entry: MessageEntry; readonly bodyLines: number | null },
): Promise<void> {
  const { mailbox } = maildrop;
  const whole = await mailbox.bytes(entry.uid, IN_MEMORY_BYTES);
  const pieces: Readable | readonly Buffer[] = whole ? [whole] : await mailbox.content(entry.uid);
  const stuffing = new DotStuffing();
  const limit = bodyLines === null ? null : new LineLimit(bodyLines);
  await session.send(formatReply(ok(bodyLines === null ? `${entry.sizeBytes} octets` : "Top of message")));
  try {
    for await (const piece of pieces as AsyncIterable<Buffer> | readonly Buffer[]) {
      for (const part of stuffing.take(limit ? limit.take(piece) : piece)) await session.send(part);
      if (limit?.isDone) break;
    }
  } catch (fault) {
    session.connection.socket.destroy();
    throw fault;
  }
  await session.send(stuffing.end());
}
