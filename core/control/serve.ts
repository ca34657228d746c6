/**
 * A worker's sockets for those who ask about its queue. One request a connection, answers in lines, in the pace of the one who reads them. Whoever
 * may open the control socket may do all that is asked: its directory belongs to the server's user and nobody else may enter it.
 */
import { chmod, chown, rm } from "node:fs/promises";
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

/** Who may open a socket. */
export interface SocketAccess {
  readonly mode: number;
  /** `null`: the group of the one who makes it. */
  readonly gid: number | null;
}

export interface SocketPurpose {
  readonly access: SocketAccess;
  readonly connections: number;
  readonly requestOctets: number;
  readonly idleMs: number;
  /** Of a connection, whatever it does; `null`: as long as it reads. */
  readonly longestMs: number | null;
  answer(request: ControlRequest): AsyncGenerator<ControlAnswer>;
}

export const openControl = (
  path: string,
  room: DeskRoom,
  log: Log,
  idleMs: number = IDLE_MS,
): Promise<ControlListener> =>
  openSocket(
    path,
    {
      ...{ access: { mode: 0o600, gid: null }, connections: CONNECTIONS, requestOctets: REQUEST_OCTETS },
      ...{ idleMs, longestMs: null, answer: (request) => answer(room, request) },
    },
    log,
  );

/** The caller has the slot's lock, so a socket that is there belongs to nobody. Rejects where it cannot be bound. */
export async function openSocket(path: string, purpose: SocketPurpose, log: Log): Promise<ControlListener> {
  const { access, connections, idleMs, longestMs } = purpose;
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: false }, (socket) => {
    sockets.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    const end = longestMs === null ? undefined : setTimeout(() => socket.destroy(), longestMs);
    socket.on("close", () => {
      clearTimeout(end);
      sockets.delete(socket);
    });
    socket.on("error", (cause) => log.debug({ err: cause }, "control connection broken"));
    converse(socket, purpose).catch((cause: unknown) => {
      log.warn({ err: cause }, "a request on the control socket could not be answered");
      socket.destroy();
    });
  });
  server.maxConnections = connections;
  await withSocketPath(path, (short) => bound(server, short));
  // Until the mode says so nobody else can open it.
  if (access.gid !== null) await chown(path, -1, access.gid);
  await chmod(path, access.mode);
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

async function converse(socket: Socket, purpose: SocketPurpose): Promise<void> {
  const { idleMs } = purpose;
  const request = await firstLine(socket, purpose.requestOctets);
  if (request === null) return;
  socket.setTimeout(0);
  let pieces: Uint8Array[] = [];
  let octets = 0;
  for await (const said of answers(purpose, request)) {
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
async function firstLine(socket: Socket, limitOctets: number): Promise<string | null> {
  const reader = new OctetReader(socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
  const line = await reader.line(limitOctets);
  await reader.end();
  return line;
}

async function* answers(purpose: SocketPurpose, line: string): AsyncGenerator<ControlAnswer> {
  let request: ControlRequest;
  try {
    request = JSON.parse(line) as ControlRequest;
  } catch {
    yield { is: "wrong", reason: "the request is no JSON" };
    return;
  }
  yield* purpose.answer(request);
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
