/**
 * One message while it is fetched. What the store knows without opening it (envelope, structure, preview) is not looked for in it; what has
 * to be read is read once, before anything is written, so that a message that cannot be read is left out as a whole. Small messages are
 * read whole; of large ones header and structure only, and sections stream when their turn comes.
 */
import type { Readable } from "node:stream";
import { headerLength, type MessageGist, type MessageOverview, type OctetRange, type Structure } from "postern/mail";
import type { Mailbox, MessageEntry } from "postern/plugin";
import type { FetchItem } from "./fetch-item.ts";
import { headerSubset } from "./header-subset.ts";
import { type Fields, locate, type Section } from "./section.ts";

/** What the items of a FETCH need besides the entry. */
export interface Needs {
  readonly gist: boolean;
  readonly overview: boolean;
  readonly structure: boolean;
  readonly header: boolean;
  readonly content: boolean;
}

/** Messages up to here are read whole where their content is asked for. */
const wholeBytes = 524_288;
/** The same where only the header is. */
const wholeForHeaderBytes = 65_536;
/** A header is looked at up to here; what is longer is cut for HEADER.FIELDS. */
const maxHeaderBytes = 1_048_576;

export function needsOf(items: readonly FetchItem[]): Needs {
  const needs = { gist: false, overview: false, structure: false, header: false, content: false };
  for (const item of items) {
    switch (item.item) {
      case "envelope":
        needs.overview = true;
        break;
      case "emailId":
      case "threadId":
        needs.gist = true;
        break;
      case "preview":
        needs.gist ||= !item.isLazy;
        break;
      case "body":
      case "bodyStructure":
        needs.structure = true;
        break;
      case "binary":
      case "binarySize":
        needs.structure ||= item.path.length > 0;
        needs.content = true;
        break;
      case "section": {
        const { path, text } = item.section;
        needs.structure ||= path.length > 0;
        if (path.length === 0 && text.at !== "all" && text.at !== "text") needs.header = true;
        else needs.content = true;
      }
    }
  }
  return needs;
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
  #gist: MessageGist | null = null;
  #overview: MessageOverview | null = null;
  #structure: Structure | null = null;

  constructor(mailbox: Mailbox, entry: MessageEntry) {
    this.#mailbox = mailbox;
    this.entry = entry;
  }

  /** Rejects with what the store says, `expunged` above all. No promise where nothing has to be waited for. */
  load(needs: Needs): void | Promise<void> {
    const { uid } = this.entry;
    // First: whatever is read for the gist tells the others, too.
    if (needs.gist && !this.#gist) {
      const gist = this.#mailbox.gist(uid);
      if (gist instanceof Promise) return this.#loadRest(needs, async () => (this.#gist = await gist));
      this.#gist = gist;
    }
    if (needs.overview && !this.#overview) {
      const overview = this.#mailbox.overview(uid);
      if (overview instanceof Promise) return this.#loadRest(needs, async () => (this.#overview = await overview));
      this.#overview = overview;
    }
    if (needs.structure && !this.#structure) {
      const structure = this.#mailbox.structure(uid);
      if (structure instanceof Promise) return this.#loadRest(needs, async () => (this.#structure = await structure));
      this.#structure = structure;
    }
    if (needs.header || needs.content) return this.#read(needs);
  }

  async #loadRest(needs: Needs, wait: () => Promise<unknown>): Promise<void> {
    await wait();
    await this.load(needs);
  }

  #read(needs: Needs): void | Promise<void> {
    const { uid, sizeBytes } = this.entry;
    const limit = needs.content ? wholeBytes : wholeForHeaderBytes;
    const whole = sizeBytes <= limit ? this.#mailbox.bytes(uid, limit) : null;
    if (whole instanceof Promise || whole === null) return this.#readLarge(needs, whole);
    this.#whole = whole;
  }

  async #readLarge({ header, content }: Needs, reading: Promise<Buffer | null> | null): Promise<void> {
    this.#whole = await reading;
    if (this.#whole) return;
    if (header) this.#header = await this.#headerIn(wholeForHeaderBytes);
    if (content || (header && !this.#header)) this.#structure ??= await this.#mailbox.structure(this.entry.uid);
    if (header) this.#header ??= await this.#headerIn(maxHeaderBytes);
  }

  /** `null` if it does not end within so many octets. */
  async #headerIn(octets: number): Promise<Buffer | null> {
    const start = await this.read({ start: 0, length: octets });
    const length = headerLength(start);
    return length < start.length || octets === maxHeaderBytes ? start.subarray(0, length) : null;
  }

  get overview(): MessageOverview {
    if (!this.#overview) throw new TypeError("the overview was not asked for");
    return this.#overview;
  }

  get gist(): MessageGist {
    if (!this.#gist) throw new TypeError("the gist was not asked for");
    return this.#gist;
  }

  get structure(): Structure {
    if (!this.#structure) throw new TypeError("the structure was not asked for");
    return this.#structure;
  }

  get header(): Buffer {
    this.#header ??= this.#whole ? this.#whole.subarray(0, headerLength(this.#whole)) : Buffer.alloc(0);
    return this.#header;
  }

  /** RFC 8970 3.2: where it is known, or soon found out; else `null`, and the mail program may ask again without LAZY. Never waits for
   * more than a small message. */
  async lazyPreview(): Promise<string | null> {
    if (this.#gist) return this.#gist.preview;
    if (this.entry.sizeBytes > wholeForHeaderBytes) return this.#mailbox.knownGist(this.entry.uid)?.preview ?? null;
    return (await this.#mailbox.gist(this.entry.uid)).preview;
  }

  /** `null`: there is no such part. */
  section(section: Section): Octets | null | Promise<Octets> {
    const { path, text } = section;
    let range: OctetRange | null;
    if (path.length === 0 && text.at === "all")
      range = { start: 0, length: this.#whole?.length ?? this.entry.sizeBytes };
    else if (path.length === 0 && text.at !== "text") range = { start: 0, length: this.header.length };
    else if (path.length === 0 && this.#whole)
      range = { start: this.header.length, length: this.#whole.length - this.header.length };
    else range = locate(section, this.structure);
    if (range === null) return null;
    if (text.at === "fields") return this.#fields(text, path.length === 0 ? this.header : this.#bytesOf(range));
    if (path.length === 0 && text.at === "header" && (this.#whole || this.header.length < maxHeaderBytes))
      return { at: "memory", bytes: this.header };
    if (path.length === 0 && text.at === "header") range = this.structure.header;
    return this.octets(range);
  }

  #fields(fields: Fields, header: Buffer | Promise<Buffer>): Octets | Promise<Octets> {
    if (header instanceof Promise) return header.then((read) => this.#fields(fields, read));
    return { at: "memory", bytes: headerSubset(header, fields) };
  }

  octets(range: OctetRange): Octets {
    return this.#whole ? { at: "memory", bytes: slice(this.#whole, range) } : { at: "store", range };
  }

  #bytesOf(range: OctetRange): Buffer | Promise<Buffer> {
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
