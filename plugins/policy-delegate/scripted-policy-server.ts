/** A policy server for tests over a real socket: answers as told, remembers what it was asked. */
import { createServer, type Socket } from "node:net";

export interface ScriptedPolicyServer {
  readonly address: string;
  readonly questions: readonly ReadonlyMap<string, string>[];
  /** So far. */
  readonly connections: () => number;
  /** Open now. */
  readonly open: () => number;
  /** Ends all connections; the server stays. */
  cut(): void;
  close(): Promise<void>;
}

/** What it says to a question, as it goes over the wire; `null`: nothing, `close`: the connection ends. */
export type Answer = (question: ReadonlyMap<string, string>) => string | null | Promise<string | null>;

export async function startPolicyServer(answer: Answer, path?: string): Promise<ScriptedPolicyServer> {
  const questions: ReadonlyMap<string, string>[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    let text = "";
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    socket.setEncoding("utf8").on("data", async (piece: string) => {
      text += piece;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const question = new Map(
          lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
        );
        questions.push(question);
        const said = await answer(question);
        if (said === "close") socket.destroy();
        else if (said !== null && !socket.destroyed) socket.write(said);
      }
    });
  });
  await new Promise<void>((resolve) => (path ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve)));
  const listening = server.address();
  return {
    address: listening === null || typeof listening === "string" ? `unix:${path}` : `inet:127.0.0.1:${listening.port}`,
    questions,
    connections: () => connections,
    open: () => sockets.size,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
