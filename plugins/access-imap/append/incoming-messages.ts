/**
 * The messages of one APPEND or REPLACE as they come from the wire: each a stream that is read when the store wants it, so that what is
 * held is bounded whatever their size. A client that asks before it sends is told to go ahead only when the store reads.
 * What ends the command early is thrown, and kept in `refusal` for the answer: stores throw what they like instead.
 */
import type { NewMessage } from "postern/plugin";
import { bad, no, type Reply } from "../reply.ts";
import { ClientGone, type CommandTail } from "../wire/command-tail.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { type MessageStart, parseMessageStart, parsePartStart } from "./message-start.ts";
import { BadUrl, type UrlContents } from "./url-content.ts";

/** Messages up to here are read as a whole. */
const inMemoryBytes = 262_144;
const maxUrlBytes = 8192;
/** RFC 3502 has no limit; the client is told. */
const maxMessages = 1000;

/** Ends the command with this answer. */
class Refused extends Error {
  readonly reply: Reply;
  constructor(reply: Reply) {
    super(reply.text);
    this.reply = reply;
  }
}

export interface IncomingHow {
  readonly tail: CommandTail;
  readonly urls: UrlContents;
  readonly maxMessageBytes: number;
  /** RFC 8508 3: REPLACE takes one. */
  readonly maxMessages?: number;
}

export class IncomingMessages {
  readonly #how: IncomingHow;
  readonly #tail: CommandTail;
  /** Why the command cannot be carried out, whatever the store says. */
  refusal: Reply | null = null;
  isClientGone = false;

  constructor(how: IncomingHow) {
    this.#how = how;
    this.#tail = how.tail;
  }

  /**
   * The only message, where it is small and the command ends behind it: all is here, and nothing has to be taken back. Otherwise
   * the messages as they come. Rejects as they do.
   */
  async all(): Promise<readonly NewMessage[] | AsyncIterable<NewMessage>> {
    const { literal } = this.#tail;
    if (!literal || literal.isSynchronizing || literal.sizeBytes > inMemoryBytes) return this.#each();
    return this.#guarded(async () => {
      const first = await this.#next();
      return this.#tail.isAtEnd ? [first] : this.#each(first);
    });
  }

  async *#each(first?: NewMessage): AsyncGenerator<NewMessage> {
    let count = 0;
    if (first) {
      count++;
      yield first;
    }
    const limit = this.#how.maxMessages ?? maxMessages;
    do {
      if (count++ >= limit) {
        await this.#guarded(() => {
          throw limit === 1
            ? new SyntaxFault("Unexpected extra arguments")
            : new Refused(no("Too many messages", "LIMIT"));
        });
      }
      yield await this.#guarded(() => this.#next());
      await this.#guarded(() => this.#tail.goOn());
    } while (!(await this.#isLast()));
  }

  #isLast(): Promise<boolean> {
    return this.#guarded(async () => {
      const { parser } = this.#tail;
      // Lenient: blanks behind the last literal (RFC 3501 9 has a CRLF there).
      if (this.#tail.isAtEnd) return true;
      if (parser.peek() !== " ") throw new SyntaxFault("Expected the end of the command behind the message");
      return false;
    });
  }

  async #next(): Promise<NewMessage> {
    const start = parseMessageStart(this.#tail.parser);
    const { flags, internalDate } = start;
    const facts = internalDate === null ? { flags } : { flags, internalDate };
    if (start.form === "catenate") return { ...facts, content: this.#pieces(this.#parts()) };
    const literal = this.#tail.literal;
    if (!literal) throw new SyntaxFault("Expected a literal");
    this.#admit(literal.sizeBytes);
    const { sizeBytes } = literal;
    if (sizeBytes > inMemoryBytes) return { ...facts, sizeBytes, content: this.#pieces(this.#literal(start)) };
    // A client that waits is told to go ahead when the store takes the message.
    if (literal.isSynchronizing) return { ...facts, sizeBytes, content: this.#pieces(this.#whole(start)) };
    return { ...facts, sizeBytes, content: [await this.#bytes(start)] };
  }

  async *#whole(start: MessageStart): AsyncGenerator<Buffer> {
    yield await this.#bytes(start);
  }

  async #bytes(start: MessageStart): Promise<Buffer> {
    const isBinary = this.#tail.literal?.isBinary === true;
    const bytes = await this.#tail.bytes();
    if (isBinary) refuseNul(bytes);
    await this.#endLiteral(start);
    return bytes;
  }

  /** RFC 3502 6.3.11: a message of no octets takes the whole command back. */
  #admit(sizeBytes: number): void {
    if (sizeBytes === 0) throw new Refused(no("Message has no content", "CANNOT"));
    this.#limit(sizeBytes);
  }

  #limit(sizeBytes: number): void {
    // RFC 4469 4, RFC 7889 4
    if (sizeBytes > this.#how.maxMessageBytes) throw new Refused(no("Message is too large", "TOOBIG"));
  }

  async *#literal({ form }: Pick<MessageStart, "form">): AsyncGenerator<Buffer> {
    const isBinary = this.#tail.literal?.isBinary === true;
    for await (const piece of this.#tail.stream()) {
      if (isBinary) refuseNul(piece);
      yield piece;
    }
    await this.#endLiteral({ form });
  }

  async #endLiteral({ form }: Pick<MessageStart, "form">): Promise<void> {
    await this.#tail.goOn();
    if (form === "utf8") this.#tail.parser.expect(")");
  }

  /** RFC 4469 5: TEXT and URL parts, one behind the other. */
  async *#parts(): AsyncGenerator<Buffer> {
    const { urls } = this.#how;
    let total = 0;
    do {
      const part = parsePartStart(this.#tail.parser);
      if (part === "url") {
        const content = await urls.find(await this.#tail.astring(maxUrlBytes));
        total += content.sizeBytes;
        this.#limit(total);
        yield* content.read();
      } else {
        const literal = this.#tail.literal;
        if (!literal) throw new SyntaxFault("Expected a literal");
        total += literal.sizeBytes;
        this.#limit(total);
        yield* this.#literal({ form: part === "utf8" ? "utf8" : "literal" });
      }
    } while (this.#tail.parser.take(" "));
    this.#tail.parser.expect(")");
    this.#admit(total);
  }

  #pieces(pieces: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => this.#guarded(() => pieces.next()),
        return: () => pieces.return(undefined),
      }),
    };
  }

  /** Remembers why, whatever becomes of the fault. */
  async #guarded<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (fault) {
      if (fault instanceof ClientGone) this.isClientGone = true;
      else this.refusal ??= replyOf(fault);
      throw fault;
    }
  }
}

/** RFC 3516 4.2: what the store keeps is sent in literals of RFC 3501, which have no NUL. */
function refuseNul(piece: Buffer): void {
  if (piece.includes(0)) throw new Refused(no("Message has NUL octets", "UNKNOWN-CTE"));
}

function replyOf(fault: unknown): Reply | null {
  if (fault instanceof Refused) return fault.reply;
  if (fault instanceof SyntaxFault) return bad(fault.message);
  if (fault instanceof BadUrl) return no("Part of the message is not there", `BADURL ${urlText(fault.url)}`);
  if (fault instanceof RangeError && (fault as { code?: unknown }).code === "LINE_TOO_LONG")
    return bad("Line is too long");
  return null;
}

/** RFC 4469 5 url-resp-text: no bracket that ends the code, no control characters. */
const urlText = (url: string): string => url.replace(/[^!-\\^-~]/g, "?").slice(0, 1000) || "?";
