/**
 * Looks for needles in one message's text, decoded, in one pass and with bounded memory. BODY is the text of every text
 * part and the headers of messages inside; TEXT is that and the message's own header (RFC 3501 6.4.4).
 */
import {
  decodeEncodedWords,
  headerFields,
  type OctetRange,
  parameter,
  type Structure,
  textDecoder,
  transferDecoder,
  unfold,
} from "postern/mail";
import type { Pace } from "../pace.ts";
import { fold } from "./fold.ts";

/** Octets of a message, in pieces. */
export type ReadOctets = (range: OctetRange) => Iterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

const maxHeaderBytes = 1_048_576;

/** The needles that are still sought. */
export class Needles {
  readonly found = new Set<string>();
  readonly #open: Set<string>;
  readonly #overlap: number;

  constructor(needles: readonly string[]) {
    this.#open = new Set(needles);
    this.#overlap = Math.max(0, ...needles.map((needle) => needle.length - 1));
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  /** Looks at a folded piece; answers its end, to be put before the next one. */
  look(text: string): string {
    for (const needle of this.#open) {
      if (!text.includes(needle)) continue;
      this.found.add(needle);
      this.#open.delete(needle);
    }
    return this.#overlap === 0 ? "" : text.slice(-this.#overlap);
  }
}

/** Fields one a line, decoded. */
export function foldedHeader(header: Uint8Array): string {
  let text = "";
  for (const { name, valueStart, end } of headerFields(header))
    text += `${name}: ${decodeEncodedWords(unfold(header, valueStart, end))}\n`;
  return fold(text);
}

export class TextScan {
  readonly #read: ReadOctets;
  readonly #pace: Pace;

  constructor(read: ReadOctets, pace: Pace) {
    this.#read = read;
    this.#pace = pace;
  }

  async header({ header }: Structure, needles: Needles): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of await this.#read({
      start: header.start,
      length: Math.min(header.length, maxHeaderBytes),
    }))
      pieces.push(piece);
    needles.look(foldedHeader(Buffer.concat(pieces)));
  }

  async body(part: Structure, needles: Needles): Promise<void> {
    if (needles.isDone) return;
    if (part.message) {
      await this.header(part.message, needles);
      await this.body(part.message, needles);
    } else if (part.type === "multipart") {
      for (const child of part.children) await this.body(child, needles);
    } else if (part.type === "text") await this.#leaf(part, needles);
  }

  async #leaf({ body, encoding, parameters }: Structure, needles: Needles): Promise<void> {
    if (body.length === 0) return;
    const transfer = transferDecoder(encoding);
    const decoder = textDecoder(parameter(parameters, "charset"));
    let before = "";
    for await (const piece of await this.#read(body)) {
      before = needles.look(before + fold(decoder.decode(transfer.write(piece), { stream: true })));
      if (needles.isDone) return;
      const pause = this.#pace.breathe();
      if (pause) await pause;
    }
    needles.look(before + fold(decoder.decode(transfer.end())));
  }
}
