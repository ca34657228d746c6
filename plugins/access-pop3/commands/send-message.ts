/**
 * A message, or the top of it, as a multi-line response. Small ones leave in one piece; larger ones are read as fast as the
 * client takes them. A fault after the first line ends the connection: nothing else would tell the client that it has a part.
 */
import type { Readable } from "node:stream";
import type { MessageEntry } from "postern/plugin";
import { asksForUtf8 } from "../header-octets.ts";
import type { Maildrop } from "../maildrop.ts";
import { DotStuffing, LineLimit, multiLine } from "../multi-line.ts";
import { err, formatReply, ok, type Reply } from "../reply.ts";
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
  const limit = bodyLines === null ? null : new LineLimit(bodyLines);
  const stream = whole ? null : await mailbox.content(entry.uid);
  const reply = limit ? ok("top") : ok("octets", { octets: entry.sizeBytes });
  const first = formatReply(reply, session.language.texts);
  if (whole) {
    for (const piece of multiLine(first, limit ? limit.take(whole) : whole)) {
      const wait = session.send(piece);
      if (wait) await wait;
    }
  } else if (stream) await sendStream(session, first, { stream, limit });
  if (bodyLines === null) {
    maildrop.markRetrieved(number);
    doings.retrievedBytes += entry.sizeBytes;
  } else doings.tops++;
  return null;
}

async function sendStream(
  session: Pop3Session,
  first: string,
  { stream, limit }: { readonly stream: Readable; readonly limit: LineLimit | null },
): Promise<void> {
  const stuffing = new DotStuffing();
  void session.send(first);
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      const wait = session.send(stuffing.take(limit ? limit.take(piece) : piece));
      if (wait) await wait;
      if (limit?.isDone) break;
    }
  } catch (fault) {
    session.connection.socket.destroy();
    throw fault;
  }
  const wait = session.send(stuffing.end());
  if (wait) await wait;
}

const refuses = ({ isUtf8, services }: Pop3Session): boolean => !isUtf8 && services.options.utf8Headers === "refuse";
