/** An SMTP server for tests that answers each verb as told, over a real socket, and remembers what it heard. */
import { type AddressInfo, createServer, type Socket } from "node:net";

/** By verb (`MAIL`, `RCPT`, `.` for the content, `greeting`): a reply, or what to do instead. */
export type Script = Readonly<Record<string, string | ((line: string) => string) | undefined>>;

export interface ScriptedServer {
  readonly port: number;
  readonly heard: readonly string[];
  /** Contents received, dots as they came. */
  readonly contents: readonly string[];
  readonly connections: () => number;
  close(): Promise<void>;
}

/** A reply of `close` ends the connection. */
export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const heard: string[] = [];
  const contents: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    let buffer = "";
    let isInContent = false;
    let chunkBytes: number | null = null;
    const answer = (verb: string, line: string, otherwise: string) => {
      const told = script[verb] ?? otherwise;
      const reply = typeof told === "function" ? told(line) : told;
      if (reply === "close") socket.destroy();
      else socket.write(`${reply}\r\n`);
      return reply;
    };
    answer("greeting", "", "220 peer.example ESMTP");
    socket.setEncoding("latin1").on("data", (text: string) => {
      buffer += text;
      for (;;) {
        if (chunkBytes !== null) {
          if (buffer.length < chunkBytes) return;
          contents.push(buffer.slice(0, chunkBytes));
          buffer = buffer.slice(chunkBytes);
          chunkBytes = null;
          answer(".", "", "250 2.0.0 taken");
          continue;
        }
        const end = buffer.indexOf(isInContent ? "\r\n.\r\n" : "\r\n");
        if (end < 0) return;
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + (isInContent ? 5 : 2));
        if (isInContent) {
          contents.push(line);
          isInContent = false;
          answer(".", line, "250 2.0.0 taken");
          continue;
        }
        heard.push(line);
        const chunk = /^BDAT (\d+) LAST$/.exec(line);
        if (chunk !== null) {
          chunkBytes = Number(chunk[1]);
          continue;
        }
        const verb = line.slice(0, 4).toUpperCase();
        const reply = answer(
          verb,
          line,
          verb === "DATA" ? "354 go on" : verb === "EHLO" ? "250 peer.example" : "250 2.0.0 ok",
        );
        isInContent = verb === "DATA" && reply.startsWith("354");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    contents,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
