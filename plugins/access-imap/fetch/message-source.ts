/**
 * One message while it is fetched: reads what the items ask for, once, before anything is written, so that a message that
 * cannot be read is left out as a whole. Small messages are read whole; of large ones header and structure only, and
 * sections stream when their turn comes.
 */
import type { Readable } from "node:stream";
import {
  headerLength,
  type MessageEnvelope,
  type OctetRange,
  parseEnvelope,
  parseStructure,
  type Structure,
} from "postern/mail";
import type { Mailbox, MessageEntry } from "postern/plugin";
import type { FetchItem } from "./fetch-item.ts";
import { headerSubset } from "./header-subset.ts";
import { locate, type Section } from "./section.ts";

/** What the items of a FETCH need to be read. */
export interface Needs {
  readonly header: boolean;
  readonly structure: boolean;
  readonly content: boolean;
}

/** Messages up to here are read whole where their content is asked for. */
const wholeBytes = 524_288;
/** The same where only header or structure are. */
const wholeForHeaderBytes = 65_536;
/** A header is looked at up to here; what is longer is cut for ENVELOPE and HEADER.FIELDS. */
const maxHeaderBytes = 1_048_576;

export function needsOf(items: readonly FetchItem[]): Needs {
  let header = false;
  let structure = false;
  let content = false;
  for (const item of items) {
    if (item.item === "envelope") header = true;
    else if (item.item === "body" || item.item === "bodyStructure") structure = true;
    else if (item.item === "section") {
      const { path, text } = item.section;
      if (path.length > 0) structure = true;
      if (path.length === 0 && text.at !== "all" && text.at !== "text") header = true;
      else content = true;
    }
  }
  return { header, structure, content };
}

/** Octets to send: here already, or to be streamed. */
export type Octets =
  | { readonly at: "memory"; readonly bytes: Buffer }
  | { readonly at: "store"; readonly range: OctetRange };

export class MessageSource {
  readonly entry: MessageEntry;
  readonly #mailbox: Mailbox;
  #whole: Buffer | null = null;
  #header: Buffer | null = null;
  #structure: Structure | null = null;

  constructor(mailbox: Mailbox, entry: MessageEntry) {
    this.#mailbox = mailbox;
    this.entry = entry;
  }

  /** Rejects with what the store says, `expunged` above all. */
  async load(needs: Needs): Promise<void> {
    const { uid, sizeBytes } = this.entry;
    const limit = needs.content ? wholeBytes : wholeForHeaderBytes;
    if (sizeBytes <= limit) this.#whole = await this.#mailbox.bytes(uid, limit);
    if (this.#whole) {
      if (needs.structure) this.#structure = parseStructure(this.#whole);
      return;
    }
    if (needs.structure || needs.content) this.#structure = await this.#mailbox.structure(uid);
    if (needs.header) {
      const length = Math.min(this.#structure?.header.length ?? maxHeaderBytes, maxHeaderBytes);
      const start = await this.read({ start: 0, length });
      this.#header = start.subarray(0, headerLength(start));
    }
  }

  get structure(): Structure {
    this.#structure ??= parseStructure(this.#whole ?? this.header);
    return this.#structure;
  }

  get header(): Buffer {
    this.#header ??= this.#whole ? this.#whole.subarray(0, headerLength(this.#whole)) : Buffer.alloc(0);
    return this.#header;
  }

  get envelope(): MessageEnvelope {
    return parseEnvelope(this.header);
  }

  /** Envelopes of the messages inside, where the structure is asked for. */
  readonly innerEnvelopes = new Map<Structure, MessageEnvelope>();

  async loadInnerEnvelopes(part: Structure): Promise<void> {
    if (part.message) {
      const { start, length } = part.message.header;
      const range = { start, length: Math.min(length, maxHeaderBytes) };
      this.innerEnvelopes.set(
        part.message,
        parseEnvelope(this.#whole ? slice(this.#whole, range) : await this.read(range)),
      );
      await this.loadInnerEnvelopes(part.message);
    }
    for (const child of part.children)
      if (child.message || child.children.length > 0) await this.loadInnerEnvelopes(child);
  }

  /** `null`: there is no such part. */
  async section(section: Section): Promise<Octets | null> {
    const { path, text } = section;
    let range: OctetRange | null;
    if (path.length === 0 && text.at === "all")
      range = { start: 0, length: this.#whole?.length ?? this.entry.sizeBytes };
    else if (path.length === 0 && text.at !== "text") range = { start: 0, length: this.header.length };
    else if (path.length === 0 && this.#whole)
      range = { start: this.header.length, length: this.#whole.length - this.header.length };
    else range = locate(section, this.structure);
    if (range === null) return null;
    if (text.at === "fields") {
      const header = path.length === 0 ? this.header : await this.#bytesOf(range);
      return { at: "memory", bytes: headerSubset(header, text.names, text.isNot) };
    }
    if (path.length === 0 && text.at === "header") return { at: "memory", bytes: this.header };
    return this.#whole ? { at: "memory", bytes: slice(this.#whole, range) } : { at: "store", range };
  }

  async #bytesOf(range: OctetRange): Promise<Buffer> {
    if (this.#whole) return slice(this.#whole, range);
    return this.read({ start: range.start, length: Math.min(range.length, maxHeaderBytes) });
  }

  async read(range: OctetRange): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of await this.stream(range)) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  }

  stream(range: OctetRange): Promise<Readable> {
    return this.#mailbox.content(this.entry.uid, range);
  }
}

const slice = (bytes: Buffer, { start, length }: OctetRange): Buffer => bytes.subarray(start, start + length);
