/**
 * Content by BDAT (RFC 3030 2) on nodemailer's connection, which knows DATA only: its DATA is left unsaid and taken for answered,
 * and the content goes as one chunk, octet by octet as it is. If it turns out shorter or longer than announced, the connection
 * breaks: whatever came behind would be taken for commands.
 */
import { type Readable, Transform, type Writable } from "node:stream";

/** What of nodemailer's connection is needed for it. */
export interface ChunkSink {
  readonly _socket: Writable & { destroy(error?: Error): void };
  _responseActions: ((this: unknown, reply: string) => void)[];
  _currentDataStream: Readable | false;
  _actionSMTPStream(reply: string, callback: (error: Error | null, reply?: string) => void): void;
}

/** Instead of the reply to DATA, when nothing else is waited for. */
export function passOverData(sink: ChunkSink): void {
  setImmediate(() => sink._responseActions.shift()?.call(sink, "354 content goes by BDAT"));
}

/** The stream that the content is piped into. */
export function openChunk(
  sink: ChunkSink,
  sizeBytes: number,
  callback: (error: Error | null, reply?: string) => void,
): Transform {
  const { _socket: socket } = sink;
  let sentBytes = 0;
  const chunk = new Transform({
    transform(piece: Buffer, _encoding, done) {
      sentBytes += piece.length;
      done(sentBytes > sizeBytes ? wrongSize() : null, piece);
    },
    flush: (done) => done(sentBytes < sizeBytes ? wrongSize() : null),
  });
  const wrongSize = () => new Error(`content has not the ${sizeBytes} octets that were announced`);
  chunk.once("error", (error) => socket.destroy(error));
  chunk.once("end", () => {
    if (sink._currentDataStream === chunk) sink._currentDataStream = false;
  });
  sink._responseActions.push((reply) => sink._actionSMTPStream(reply, callback));
  sink._currentDataStream = chunk;
  socket.write(`BDAT ${sizeBytes} LAST\r\n`);
  chunk.pipe(socket, { end: false });
  return chunk;
}
