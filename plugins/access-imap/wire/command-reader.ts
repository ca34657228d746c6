/**
 * Gathers one command: its lines and literals (RFC 3501 4.3, RFC 7888). Everything is bounded; a literal that the command
 * wants as a stream (a message being appended) is left with the connection. What breaks the bounds becomes a `fault`,
 * with which the session goes on where it can.
 */
import type { Connection } from "postern/plugin";
import { CommandParser, type Segment } from "./command-parser.ts";
import { SyntaxFault } from "./syntax-fault.ts";
import type { Writer } from "./writer.ts";

export interface CommandLimits {
  readonly maxLineBytes: number;
  /** All lines and buffered literals of one command. */
  readonly maxCommandBytes: number;
  /** RFC 7888 5: more than this must not be sent without asking. Infinity with LITERAL+. */
  readonly maxUnaskedBytes: number;
  /** A literal too large that is sent without asking is skipped up to here; beyond, the connection ends. */
  readonly maxSkippedBytes: number;
}

export interface AnnouncedLiteral {
  readonly sizeBytes: number;
  /** `{n}`: the client waits for our go-ahead. */
  readonly isSynchronizing: boolean;
  /** `~{n}` (RFC 3516 4.1, RFC 6855 4): any octet may be in it. */
  readonly isBinary: boolean;
}

export type Incoming =
  | {
      readonly at: "command";
      readonly tag: string;
      /** Upper case; `UID FETCH` is one name. */
      readonly name: string;
      readonly parser: CommandParser;
      /** Announced at the end of what is here, for the command to read as a stream. */
      readonly literal: AnnouncedLiteral | null;
    }
  | { readonly at: "fault"; readonly tag: string | null; readonly text: string; readonly isFatal: boolean }
  | { readonly at: "ended" };

/** Whether the literal that comes next is for streaming; `parser` holds what came before it. */
export type WantsStream = (name: string, parser: CommandParser) => boolean;

const closingBrace = 125;
// RFC 7888 8: `{n+}`; the `-` of LITERAL- stands in the capability only. Lenient: a few programs wrote `{n-}` for it.
const literalMark = /(~?)\{(\d{1,15})([+-]?)\}$/;

export class CommandReader {
  readonly #connection: Connection;
  readonly #out: Writer;
  readonly #wantsStream: WantsStream;
  limits: CommandLimits;
  /** Names of mailboxes are UTF-8 from now on. */
  isUtf8 = false;

  constructor(connection: Connection, out: Writer, limits: CommandLimits, wantsStream: WantsStream) {
    this.#connection = connection;
    this.#out = out;
    this.limits = limits;
    this.#wantsStream = wantsStream;
  }

  /** Answers at once when the whole command is here. Rejects when the client leaves while it is written to. */
  next(): Incoming | Promise<Incoming> {
    let line: Buffer | null | Promise<Buffer | null>;
    try {
      line = this.#connection.reader.line(this.limits.maxLineBytes);
    } catch (fault) {
      return lineFault(fault, []);
    }
    if (line === null) return { at: "ended" };
    if (line instanceof Promise) return this.#later(line);
    return line[line.length - 1] === closingBrace ? this.#withLiterals(line) : this.#command([latin1(line)], null);
  }

  async #later(line: Promise<Buffer | null>): Promise<Incoming> {
    try {
      const bytes = await line;
      if (bytes === null) return { at: "ended" };
      return bytes[bytes.length - 1] === closingBrace
        ? this.#withLiterals(bytes)
        : this.#command([latin1(bytes)], null);
    } catch (fault) {
      return lineFault(fault, []);
    }
  }

  async #withLiterals(first: Buffer): Promise<Incoming> {
    const segments: Segment[] = [];
    let size = 0;
    let line: Buffer | null = first;
    try {
      for (;;) {
        if (line === null) return { at: "ended" };
        const text = latin1(line);
        const literal = announcedIn(text);
        segments.push(literal ? text.slice(0, text.lastIndexOf("{")) : text);
        size += line.length;
        if (!literal) return this.#command(segments, null);
        if (!literal.isSynchronizing && literal.sizeBytes > this.limits.maxUnaskedBytes)
          return await this.#skip(segments, literal);
        if (this.#isStreamed(segments)) return this.#command([...segments], literal);
        size += literal.sizeBytes;
        if (size > this.limits.maxCommandBytes) return await this.#skip(segments, literal);
        if (literal.isSynchronizing) await this.goAhead();
        const bytes = await this.#connection.reader.exact(literal.sizeBytes);
        if (bytes === null) return { at: "ended" };
        segments.push(bytes);
        line = await this.#connection.reader.line(this.limits.maxLineBytes);
      }
    } catch (fault) {
      return lineFault(fault, segments);
    }
  }

  #isStreamed(segments: readonly Segment[]): boolean {
    const incoming = this.#command(segments, null);
    if (incoming.at !== "command") return false;
    try {
      return this.#wantsStream(incoming.name, incoming.parser);
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault;
      // The literal belongs to what is not complete yet, or what came before it is wrong: then it is not asked for.
      return !incoming.parser.isAtEnd;
    }
  }

  /** RFC 3501 7.5: tells the client to send its literal. */
  async goAhead(): Promise<void> {
    this.#out.line("+ OK");
    await this.#out.flush();
  }

  /** Takes a literal that nobody wants off the wire. Answers whether the session can go on behind it. */
  async skipLiteral(literal: AnnouncedLiteral): Promise<boolean> {
    if (literal.isSynchronizing) return true; // the client has not sent it and will not
    try {
      return await this.#throwAway(literal);
    } catch (fault) {
      if ((fault as { code?: unknown }).code !== "CONNECTION_LOST") throw fault;
      return false;
    }
  }

  async #throwAway(literal: AnnouncedLiteral): Promise<boolean> {
    if (literal.sizeBytes > this.limits.maxSkippedBytes) return false;
    for await (const _ of this.#connection.reader.stream(literal.sizeBytes));
    for (;;) {
      const line = await this.#connection.reader.line(this.limits.maxLineBytes);
      const more = line && announcedIn(latin1(line));
      if (!more) return line !== null;
      if (more.isSynchronizing) return true;
      if (more.sizeBytes > this.limits.maxSkippedBytes) return false;
      for await (const _ of this.#connection.reader.stream(more.sizeBytes));
    }
  }

  async #skip(segments: readonly Segment[], literal: AnnouncedLiteral): Promise<Incoming> {
    const canGoOn = await this.skipLiteral(literal);
    return { at: "fault", tag: tagOf(segments), text: "Command is too large", isFatal: !canGoOn };
  }

  #command(segments: readonly Segment[], literal: AnnouncedLiteral | null): Incoming {
    const parser = new CommandParser(segments, { isUtf8: this.isUtf8 });
    try {
      const tag = parser.tag();
      parser.space();
      let name = parser.atom().toUpperCase();
      if (name === "UID") {
        parser.space();
        name = `UID ${parser.atom().toUpperCase()}`;
      }
      return { at: "command", tag, name, parser, literal };
    } catch (fault) {
      if (!(fault instanceof SyntaxFault)) throw fault;
      return { at: "fault", tag: tagOf(segments), text: "Expected a tag and a command", isFatal: false };
    }
  }
}

const latin1 = (bytes: Buffer): string => bytes.toString("latin1");

/** The literal that a line ends with. */
export function announcedIn(line: string): AnnouncedLiteral | null {
  const match = literalMark.exec(line);
  return match ? { sizeBytes: Number(match[2]), isSynchronizing: match[3] === "", isBinary: match[1] === "~" } : null;
}

function tagOf(segments: readonly Segment[]): string | null {
  const first = segments[0];
  // RFC 3501 9: a tag is any ASTRING-CHAR but "+".
  return typeof first === "string" ? (/^[!#$&',-[\]-z|}~]+(?= )/.exec(first)?.[0] ?? null) : null;
}

function lineFault(fault: unknown, segments: readonly Segment[]): Incoming {
  if (fault instanceof RangeError && (fault as { code?: unknown }).code === "LINE_TOO_LONG")
    return { at: "fault", tag: tagOf(segments), text: "Line is too long", isFatal: false };
  throw fault;
}
