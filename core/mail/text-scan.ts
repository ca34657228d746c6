/**
 * The text of a message as searches see it, decoded and folded, in one pass and with bounded memory. The body is the text of every text
 * part and the headers of messages inside; the header is the message's own (RFC 3501 6.4.4). Whoever searches and whoever keeps an index
 * look at the same text. Never throws on content.
 */
import { foldText } from "./folding.ts";
import { textDecoder } from "./structure/charset.ts";
import { decodeEncodedWords } from "./structure/encoded-word.ts";
import { parameter } from "./structure/field-value.ts";
import { headerFields, unfold } from "./structure/header-fields.ts";
import type { OctetRange, Structure } from "./structure/structure.ts";
import { transferDecoder } from "./structure/transfer-encoding.ts";

/** Octets of a message, in pieces. */
export type ReadOctets = (range: OctetRange) => Iterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;

/** Who looks at the text. */
export interface TextReader {
  /** Nothing more need be shown. */
  readonly isDone: boolean;
  /** Takes a piece; answers the end of it that is to stand before the next piece of the same text. */
  look(folded: string): string;
}

/** Of longer headers the beginning counts. */
const maxHeaderBytes = 1_048_576;

/** Fields one a line, decoded. */
export function foldedHeader(header: Uint8Array): string {
  let text = "";
  for (const { name, valueStart, end } of headerFields(header))
    text += `${name}: ${decodeEncodedWords(unfold(header, valueStart, end))}\n`;
  return foldText(text);
}

export class TextScan {
  readonly #read: ReadOctets;
  readonly #breathe: () => void | Promise<void>;

  /** `breathe` is asked between two pieces, so that others have their turn. */
  constructor(read: ReadOctets, breathe: () => void | Promise<void> = () => undefined) {
    this.#read = read;
    this.#breathe = breathe;
  }

  async header({ header }: Structure, reader: TextReader): Promise<void> {
    const pieces: Uint8Array[] = [];
    const source = this.#read({ start: header.start, length: Math.min(header.length, maxHeaderBytes) });
    for await (const piece of await source) pieces.push(piece);
    reader.look(foldedHeader(Buffer.concat(pieces)));
  }

  async body(part: Structure, reader: TextReader): Promise<void> {
    if (reader.isDone) return;
    if (part.message) {
      await this.header(part.message, reader);
      await this.body(part.message, reader);
    } else if (part.type === "multipart") {
      for (const child of part.children) await this.body(child, reader);
    } else if (part.type === "text") await this.#leaf(part, reader);
  }

  async #leaf({ body, encoding, parameters }: Structure, reader: TextReader): Promise<void> {
    if (body.length === 0) return;
    const transfer = transferDecoder(encoding);
    const decoder = textDecoder(parameter(parameters, "charset"));
    let before = "";
    for await (const piece of await this.#read(body)) {
      before = reader.look(before + foldText(decoder.decode(transfer.write(piece), { stream: true })));
      if (reader.isDone) return;
      const pause = this.#breathe();
      if (pause) await pause;
    }
    reader.look(before + foldText(decoder.decode(transfer.end())));
  }
}
