/** A password from a person or a pipe: never from the command line, which everybody on the machine can read. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { usageError } from "./command-error.ts";
import type { Terminal } from "./terminal.ts";

const longestBytes = 4096;

export async function readPassword(terminal: Terminal, fromStdin: boolean): Promise<string> {
  if (fromStdin) return checked(await firstLine(terminal.in));
  if (terminal.in.isTTY !== true) throw usageError("no terminal to ask for a password: use --password-stdin");
  const password = checked(await ask(terminal, "Password: "));
  if ((await ask(terminal, "Again: ")) !== password) throw usageError("the two passwords differ");
  return password;
}

function checked(password: string): string {
  if (password === "") throw usageError("the password is empty");
  if (Buffer.byteLength(password) > longestBytes) throw usageError("the password is too long");
  // RFC 4616 2: a password in SASL PLAIN cannot have NUL; other control characters are typing mistakes.
  if (/[\u0000-\u001f\u007f]/.test(password)) throw usageError("the password has control characters");
  return password;
}

/** The first line of a stream, without its line end. */
async function firstLine(stream: Terminal["in"]): Promise<string> {
  let text = Buffer.alloc(0);
  for await (const piece of stream) {
    text = Buffer.concat([text, Buffer.from(piece)]);
    if (text.includes("\n") || text.length > longestBytes + 2) break;
  }
  const [line = ""] = text.toString("utf8").split("\n", 1);
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Asks without showing what is typed. */
async function ask({ in: input, err }: Terminal, question: string): Promise<string> {
  err.write(question);
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    err.write("\n");
  }
}
