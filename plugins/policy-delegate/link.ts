/** One connection to a policy server. It carries one question at a time; whatever breaks it ends the question and the link. */
import { connect, type Socket } from "node:net";
import type { ServerAddress } from "./server-address.ts";

/** What a policy server did wrong, or that it is away. The message is for the log. */
export class PolicyFault extends Error {
  /** Nothing of an answer had come: on a connection that had stood idle, the question may be asked again. */
  readonly isUnanswered: boolean;
  constructor(message: string, isUnanswered: boolean) {
    super(message);
    this.isUnanswered = isUnanswered;
  }
}

// An answer is one line and an empty one; nobody needs more.
const ANSWER_LIMIT = 16_384;

interface Asking {
  readonly resolve: (action: string) => void;
  readonly reject: (fault: PolicyFault) => void;
}

export class Link {
  readonly #socket: Socket;
  #text = "";
  #asking: Asking | null = null;
  #isClosed = false;
  readonly #onClosed: () => void;
  /** Questions answered. */
  answered = 0;

  constructor(server: ServerAddress, idleMs: number, onClosed: () => void) {
    this.#onClosed = onClosed;
    this.#socket = connect("path" in server ? { path: server.path } : { ...server, noDelay: true });
    // While a question is under way, its own time limit counts.
    this.#socket.setTimeout(idleMs, () => {
      if (this.#asking === null) this.close();
    });
    this.#socket.setEncoding("utf8").on("data", (piece: string) => this.#read(piece));
    this.#socket.on("error", (error) => this.#break(error.message));
    this.#socket.on("close", () => this.#break("it closed the connection"));
  }

  /** Rejects with `PolicyFault`; the link is closed then. */
  ask(question: string, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new PolicyFault("it closed the connection", true));
        return;
      }
      const late = () => this.#break("no answer in time");
      const done = () => signal.removeEventListener("abort", late);
      this.#asking = {
        resolve: (action) => {
          done();
          resolve(action);
        },
        reject: (fault) => {
          done();
          reject(fault);
        },
      };
      if (signal.aborted) {
        late();
        return;
      }
      signal.addEventListener("abort", late, { once: true });
      this.#socket.write(question);
    });
  }

  close(): void {
    this.#break("the connection was given up");
  }

  #read(piece: string): void {
    this.#text += piece;
    const asking = this.#asking;
    if (asking === null) {
      this.#break("it spoke without being asked");
      return;
    }
    const end = /\r?\n\r?\n/.exec(this.#text);
    if (!end) {
      if (this.#text.length > ANSWER_LIMIT) this.#break("its answer is too long");
      return;
    }
    const [action, another] = [...this.#text.slice(0, end.index).matchAll(/^action=([^\r\n]*)/gm)].map(
      ([, said]) => said,
    );
    if (action === undefined || another !== undefined || end.index + end[0].length < this.#text.length) {
      this.#break(action === undefined ? "its answer has no action" : "it answered more than it was asked");
      return;
    }
    this.#text = "";
    this.#asking = null;
    this.answered += 1;
    asking.resolve(action);
  }

  #break(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.#asking?.reject(new PolicyFault(reason, this.#text === ""));
    this.#asking = null;
    this.#onClosed();
  }
}
