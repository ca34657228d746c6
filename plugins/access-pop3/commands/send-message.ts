/**
 * A message, or the top of it, as a multi-line response. Small ones leave in one piece; larger ones are read as fast as the
 * client takes them. A fault after the first line ends the connection: nothing else would tell the client that it has a part.
 */
import type { Readable } from "node:stream";
import type { MessageEntry } from "postern/plugin";
import { asksForUtf8 } from "../header-octets.ts";
import type { Maildrop } from "../maildrop.ts";
import { DotStuffing, LineLimit } from "../multi-line.ts";
import { err, ok, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

const IN_MEMORY_BYTES = 256 * 1024;

interface Wanted {
  readonly number: number;
  readonly entry: MessageEntry;
  /** `null`: the whole message. */
  readonly bodyLines: number | null;
}

export async function sendMessage(
  session: Pop3Session,
  maildrop: Maildrop,
  { number, entry, bodyLines }: Wanted,
): Promise<Reply | null> {
  const { mailbox, doings } = maildrop;
  const whole = await mailbox.bytes(entry.uid, IN_MEMORY_BYTES);
  // RFC 6856 5
  if (refuses(session) && (await asksForUtf8(mailbox, { uid: entry.uid, whole }))) return err("needsUtf8", "UTF8");
  const pieces: Readable | readonly Buffer[] = whole ? [whole] : await mailbox.content(entry.uid);
  void session.reply(bodyLines === null ? ok("octets", { octets: entry.sizeBytes }) : ok("top"));
  try {
    await send(session, pieces, bodyLines);
  } catch (fault) {
    session.connection.socket.destroy();
    throw fault;
  }
  if (bodyLines === null) {
    maildrop.markRetrieved(number);
    doings.retrievedBytes += entry.sizeBytes;
  } else doings.tops++;
  return null;
}

async function send(
  session: Pop3Session,
  pieces: Readable | readonly Buffer[],
  bodyLines: number | null,
): Promise<void> {
  const stuffing = new DotStuffing();
  const limit = bodyLines === null ? null : new LineLimit(bodyLines);
  if (Array.isArray(pieces)) {
    for (const piece of pieces as readonly Buffer[])
      void session.send(stuffing.take(limit ? limit.take(piece) : piece));
  } else {
    for await (const piece of pieces as AsyncIterable<Buffer>) {
      const wait = session.send(stuffing.take(limit ? limit.take(piece) : piece));
      if (wait) await wait;
      if (limit?.isDone) break;
    }
  }
  const wait = session.send(stuffing.end());
  if (wait) await wait;
}

const refuses = ({ isUtf8, services }: Pop3Session): boolean => !isUtf8 && services.options.utf8Headers === "refuse";
