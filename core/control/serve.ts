/**
 * A worker's control socket. One request a connection, answers in lines, in the pace of the one who reads them. Whoever may open the
 * socket may do all that is asked: its directory belongs to the server's user and nobody else may enter it.
 */
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../contracts/log.ts";
import { answer, type DeskRoom } from "./desk.ts";
import { OctetReader } from "./octets.ts";
import type { ControlAnswer, ControlRequest } from "./request.ts";
import { withSocketPath } from "./socket-path.ts";
import { headOf } from "./wire.ts";

export interface ControlListener {
  close(): Promise<void>;
}

const CONNECTIONS = 16;
/** Ids of a hundred thousand messages fit. */
const REQUEST_OCTETS = 16 * 1024 * 1024;
/** A client that neither asks nor reads for so long is gone. One that waits for us may wait: a try under way comes to its end first. */
const IDLE_MS = 60_000;
/** Answers are put together to so much. */
const PIECE_OCTETS = 64 * 1024;

/** The caller has the slot's lock, so a socket that is there belongs to nobody. Rejects where it cannot be bound. */
export async function openControl(
  path: string,
  room: DeskRoom,
  log: Log,
  idleMs: number = IDLE_MS,
): Promise<ControlListener> {
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: false }, (socket) => {
    sockets.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", (cause) => log.debug({ err: cause }, "control connection broken"));
    converse(socket, room, idleMs).catch((cause: unknown) => {
      log.warn({ err: cause }, "a request on the control socket could not be answered");
      socket.destroy();
    });
  });
  server.maxConnections = CONNECTIONS;
  await withSocketPath(path, (short) => bound(server, short));
  await chmod(path, 0o600);
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await rm(path, { force: true });
    },
  };
}

const bound = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    // Its own: a handle shared through the primary would be made, and owned, by root.
    server.listen({ path, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });

async function converse(socket: Socket, room: DeskRoom, idleMs: number): Promise<void> {
  const request = await firstLine(socket);
  if (request === null) return;
  socket.setTimeout(0);
  let pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const said of answers(room, request)) {
    const head = Buffer.from(headOf(said));
    pieces.push(head);
    octets += head.length;
    if (said.is === "piece") {
      pieces.push(said.piece);
      octets += said.piece.length;
    }
    // Rows are waited for; of what is short many go together.
    if (octets < PIECE_OCTETS && said.is !== "piece") continue;
    if (!(await written(socket, pieces, idleMs))) return;
    pieces = [];
    octets = 0;
  }
  socket.setTimeout(idleMs);
  socket.end(Buffer.concat(pieces));
}

/** The line, then nothing more is read: what follows is nobody's. */
async function firstLine(socket: Socket): Promise<string | null> {
  const reader = new OctetReader(socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
  const line = await reader.line(REQUEST_OCTETS);
  await reader.end();
  return line;
}

async function* answers(room: DeskRoom, line: string): AsyncGenerator<ControlAnswer> {
  let request: ControlRequest;
  try {
    request = JSON.parse(line) as ControlRequest;
  } catch {
    yield { is: "wrong", reason: "the request is no JSON" };
    return;
  }
  yield* answer(room, request);
}

/** `false`: the connection has ended. */
function written(socket: Socket, pieces: readonly Uint8Array[], idleMs: number): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(false);
  if (socket.write(Buffer.concat(pieces))) return Promise.resolve(true);
  socket.setTimeout(idleMs);
  return new Promise((resolve) => {
    const end = () => {
      socket.off("drain", go);
      resolve(false);
    };
    const go = () => {
      socket.off("close", end);
      socket.setTimeout(0);
      resolve(true);
    };
    socket.once("drain", go);
    socket.once("close", end);
  });
}
