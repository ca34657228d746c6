/** Clients that send numbered messages, one after the other on each connection, until they are told to stop; notes which got their 250. */
import { createConnection } from "node:net";

export interface LoadTarget {
  readonly port: number;
  readonly recipients: readonly string[];
  /** Ids begin with it. */
  readonly prefix: string;
}

export class ServerLoad {
  readonly confirmed = new Set<string>();
  /** Replies other than 2xx and 3xx, and how often they came. */
  readonly refusals = new Map<string, number>();
  readonly #target: LoadTarget;
  #count = 0;
  #isEnded = false;
  readonly #lanes: Promise<void>[] = [];
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(target: LoadTarget, connections: number) {
    this.#target = target;
    for (let lane = 0; lane < connections; lane += 1) this.#lanes.push(this.#lane());
  }

  /** Resolves when so many more have been confirmed. */
  after(count: number): Promise<void> {
    return new Promise((resolve) => this.#watchers.push({ count: this.confirmed.size + count, resolve }));
  }

  async stop(): Promise<void> {
    this.#isEnded = true;
    await Promise.all(this.#lanes);
  }

  async #lane(): Promise<void> {
    while (!this.#isEnded) {
      await this.#connection();
      // Nobody listens while the server is down.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #confirm(id: string): void {
    this.confirmed.add(id);
    const reached = this.#watchers.filter(({ count }) => this.confirmed.size >= count);
    this.#watchers = this.#watchers.filter(({ count }) => this.confirmed.size < count);
    for (const { resolve } of reached) resolve();
  }

  #connection(): Promise<void> {
    const { port, recipients, prefix } = this.#target;
    return new Promise((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      let id = "";
      let step = 0;
      const content = () => {
        const size = this.#count % 40 === 0 ? 200_000 : this.#count % 1500;
        return `Subject: load\r\nX-Id: ${id}\r\nMessage-ID: <${id}@example.net>\r\n\r\n${"0123456789 lines\r\n".repeat(size / 18)}end of ${id}\r\n.\r\n`;
      };
      const commands = [
        () => "EHLO load.example\r\n",
        () => "MAIL FROM:<sender@example.net>\r\n",
        ...recipients.map((recipient) => () => `RCPT TO:<${recipient}>\r\n`),
        () => "DATA\r\n",
        content,
      ];
      let text = "";
      socket.setEncoding("latin1").on("data", (more: string) => {
        text += more;
        if (!/^\d{3} [^\n]*\n$/.test(text.slice(text.lastIndexOf("\n", text.length - 2) + 1))) return;
        const isGood = /^[23]/.test(text);
        if (!isGood) this.refusals.set(text.trim(), (this.refusals.get(text.trim()) ?? 0) + 1);
        text = "";
        if (isGood && step === commands.length) {
          this.#confirm(id);
          step = 1;
        }
        if (!isGood || (this.#isEnded && step === 1)) {
          socket.destroy();
          return;
        }
        if (step === 1) id = `${prefix}${++this.#count}`;
        socket.write(commands[step++]?.() ?? "QUIT\r\n");
      });
      socket.on("error", () => socket.destroy()).on("close", () => resolve());
    });
  }
}
