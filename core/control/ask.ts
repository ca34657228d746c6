/** One request to a worker that runs, and its answers as they come. */
import { connect, type Socket } from "node:net";
import { OctetReader } from "./octets.ts";
import type { ControlAnswer, ControlRequest } from "./request.ts";
import { withSocketPath } from "./socket-path.ts";
import { nextAnswer } from "./wire.ts";

/** `null`: nobody listens there. Rejects for anything else that keeps us from connecting, such as EACCES. */
export async function openConversation(path: string): Promise<Socket | null> {
  try {
    return await withSocketPath(path, connected);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED") return null;
    throw cause;
  }
}

/** Throws if the worker ends before its last answer. */
export async function* ask(socket: Socket, request: ControlRequest): AsyncGenerator<ControlAnswer> {
  socket.write(`${JSON.stringify(request)}\n`);
  const reader = new OctetReader(socket);
  try {
    for (let said = await nextAnswer(reader); said; said = await nextAnswer(reader)) {
      yield said;
      if (said.is === "done" || said.is === "wrong") return;
    }
    throw new Error("the server ended before it had answered");
  } finally {
    socket.destroy();
  }
}

const connected = (path: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
