/** Another mail server, on loopback: takes everything, remembers how often each message came (by its field X-Id). */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export class Sink {
  /** How often each message was taken over: counted before 250 is said. */
  readonly taken = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(): Promise<Sink> {
    const sink = new Sink();
    await new Promise<void>((resolve) => sink.#server.listen(0, "127.0.0.1", resolve));
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let text = "";
    let isInContent = false;
    socket.on("error", () => socket.destroy()).on("close", () => this.#sockets.delete(socket));
    socket.write("220 sink.example ESMTP\r\n");
    socket.setEncoding("latin1").on("data", (more: string) => {
      text += more;
      for (;;) {
        const mark = isInContent ? "\r\n.\r\n" : "\r\n";
        const end = text.indexOf(mark);
        if (end < 0) return;
        const piece = text.slice(0, end);
        text = text.slice(end + mark.length);
        if (isInContent) {
          isInContent = false;
          const id = /^X-Id: (\S+)/im.exec(piece)?.[1] ?? "";
          this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
          socket.write("250 2.0.0 taken\r\n");
          continue;
        }
        const verb = piece.slice(0, 4).toUpperCase();
        isInContent = verb === "DATA";
        socket.write(verb === "EHLO" ? "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n" : replyTo(verb));
        if (verb === "QUIT") socket.end();
      }
    });
  }
}

const replyTo = (verb: string): string =>
  verb === "DATA" ? "354 go on\r\n" : verb === "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 OK\r\n";
