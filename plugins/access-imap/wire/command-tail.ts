/**
 * The rest of a command whose literals are too large to be gathered: what is here is parsed, what comes next is read from the
 * wire when it is asked for. `skip` takes off the wire whatever nobody wants any more, so that the session can go on behind it.
 * Reads reject with `ClientGone` when the client leaves, and with `SyntaxFault` where the command is none.
 */
import type { Readable } from "node:stream";
import type { ConnectionReader } from "postern/plugin";
import { CommandParser } from "./command-parser.ts";
import { type AnnouncedLiteral, announcedIn, type CommandReader } from "./command-reader.ts";
import { SyntaxFault } from "./syntax-fault.ts";

/** Nobody is there who could be answered. */
export class ClientGone extends Error {}

interface Source {
  /** The client's octets. */
  readonly octets: ConnectionReader;
  readonly commands: CommandReader;
}

export class CommandTail {
  /** Over what has been received and comes before the literal, if one is announced. */
  parser: CommandParser;
  readonly #source: Source;
  #announced: AnnouncedLiteral | null;
  #reading: Readable | null = null;
  #isLineDue = false;

  constructor(source: Source, parser: CommandParser, announced: AnnouncedLiteral | null) {
    this.#source = source;
    this.parser = parser;
    this.#announced = announced;
  }

  /** The literal that stands where the parser is, still to be read. */
  get literal(): AnnouncedLiteral | null {
    return this.parser.isAtEnd ? this.#announced : null;
  }

  /** All that the command is has been received and parsed. */
  get isAtEnd(): boolean {
    return this.parser.isAtEnd && this.#announced === null && !this.#isLineDue;
  }

  /** The announced literal, piece by piece; a client that waits for it is told to go ahead. Then `goOn`. */
  async *stream(): AsyncGenerator<Buffer> {
    const literal = await this.#begin();
    const reading = this.#source.octets.stream(literal.sizeBytes);
    this.#reading = reading;
    try {
      for await (const piece of reading) yield piece as Buffer;
    } catch {
      throw new ClientGone();
    } finally {
      this.#reading = null;
    }
  }

  /** The same in one piece, for literals that are known to be small. */
  async bytes(): Promise<Buffer> {
    const literal = await this.#begin();
    const bytes = await this.#source.octets.exact(literal.sizeBytes);
    if (bytes === null) throw new ClientGone();
    return bytes;
  }

  async #begin(): Promise<AnnouncedLiteral> {
    const literal = this.#announced;
    if (!literal) throw new SyntaxFault("Expected a literal");
    this.#announced = null;
    this.#isLineDue = true;
    if (literal.isSynchronizing) await this.#source.commands.goAhead();
    return literal;
  }

  /** Goes on behind a literal that was read: the next line, up to the next literal. */
  async goOn(): Promise<void> {
    if (!this.#isLineDue) return;
    this.#isLineDue = false;
    const { octets, commands } = this.#source;
    const line = await octets.line(commands.limits.maxLineBytes);
    if (line === null) throw new ClientGone();
    const text = line.toString("latin1");
    this.#announced = announcedIn(text);
    this.parser = new CommandParser([this.#announced ? text.slice(0, text.lastIndexOf("{")) : text], {
      isUtf8: commands.isUtf8,
    });
    const { isSynchronizing = true, sizeBytes = 0 } = this.#announced ?? {};
    if (!isSynchronizing && sizeBytes > commands.limits.maxUnaskedBytes)
      throw new SyntaxFault("Literal is too large to be sent without asking");
  }

  /** A string, as a literal on the wire or as it stands here (RFC 3501 9). */
  async astring(maxBytes: number): Promise<string> {
    if (!this.literal) return this.parser.astring();
    if (this.literal.sizeBytes > maxBytes) throw new SyntaxFault("String is too long");
    const bytes = await this.bytes();
    await this.goOn();
    return bytes.toString("latin1");
  }

  /** Takes the rest of the command off the wire. Answers whether the session can go on behind it. */
  async skip(): Promise<boolean> {
    // What is left of a stream is thrown away by the connection.
    this.#reading?.destroy();
    try {
      if (this.#isLineDue) await this.goOn();
    } catch (fault) {
      if (fault instanceof ClientGone) return false;
      // A line too long is one that has been skipped.
      if (fault instanceof RangeError) return true;
      if (!(fault instanceof SyntaxFault)) throw fault;
    }
    const literal = this.#announced;
    this.#announced = null;
    return literal === null || this.#source.commands.skipLiteral(literal);
  }
}
