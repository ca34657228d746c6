/**
 * The octets that the URLs of one command name. Mailboxes are opened once, for reading, and closed by `close`; the selected one is
 * as its session sees it. `BadUrl` where there is nothing of that name (RFC 4469 4).
 */
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { headerSubset } from "../fetch/header-subset.ts";
import { locate } from "../fetch/section.ts";
import { canonicalName } from "../mailbox-name.ts";
import { isStoreError } from "../reply.ts";
import { type MessageUrl, parseMessageUrl } from "./message-url.ts";

export class BadUrl extends Error {
  readonly url: string;
  constructor(url: string) {
    super("a URL names nothing");
    this.url = url;
  }
}

export interface UrlContent {
  readonly sizeBytes: number;
  read(): AsyncIterable<Buffer>;
}

const maxOpenMailboxes = 16;
/** A header of which single fields are wanted is looked at up to here. */
const maxHeaderBytes = 1_048_576;

interface Range {
  readonly start: number;
  readonly length: number;
}

export class UrlContents {
  readonly #mailboxes: AccountMailboxes;
  readonly #selected: Mailbox | null;
  readonly #opened = new Map<string, Mailbox>();

  constructor(mailboxes: AccountMailboxes, selected: Mailbox | null) {
    this.#mailboxes = mailboxes;
    this.#selected = selected;
  }

  async find(text: string): Promise<UrlContent> {
    const url = parseMessageUrl(text);
    if (!url) throw new BadUrl(text);
    try {
      const content = await this.#find(url);
      if (content) return content;
    } catch (fault) {
      if (!["nonexistent", "cannot", "noPermission", "expunged"].some((code) => isStoreError(fault, code as never)))
        throw fault;
    }
    throw new BadUrl(text);
  }

  async #find({ mailbox: name, uidValidity, uid, section, partial }: MessageUrl): Promise<UrlContent | null> {
    const mailbox = await this.#mailbox(name);
    if (!mailbox || (uidValidity !== null && uidValidity !== mailbox.uidValidity)) return null;
    const { snapshot } = mailbox;
    const index = snapshot.indexOf(uid);
    const entry = index < snapshot.size ? snapshot.at(index) : null;
    if (entry?.uid !== uid) return null;
    const whole =
      section === null ? { start: 0, length: entry.sizeBytes } : locate(section, await mailbox.structure(uid));
    if (whole === null) return null;
    if (section?.text.at === "fields") {
      const header = await readAll(mailbox, uid, { ...whole, length: Math.min(whole.length, maxHeaderBytes) });
      return fromMemory(headerSubset(header, section.text), partial);
    }
    const range = cut(whole, partial);
    return {
      sizeBytes: range.length,
      read: async function* () {
        if (range.length > 0) yield* (await mailbox.content(uid, range)) as AsyncIterable<Buffer>;
      },
    };
  }

  async #mailbox(name: string | null): Promise<Mailbox | null> {
    if (name === null) return this.#selected;
    const canonical = canonicalName(name);
    if (canonical === this.#selected?.name) return this.#selected;
    const known = this.#opened.get(canonical);
    if (known) return known;
    if (this.#opened.size >= maxOpenMailboxes) await this.close();
    const mailbox = await this.#mailboxes.open(canonical, { isReadOnly: true });
    this.#opened.set(canonical, mailbox);
    return mailbox;
  }

  /** Content that was found is not read any more. */
  async close(): Promise<void> {
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    await Promise.all(opened.map((mailbox) => mailbox.close()));
  }
}

/** RFC 3501 6.4.5: what reaches over the end is cut; what begins behind it is empty. */
function cut({ start, length }: Range, partial: MessageUrl["partial"]): Range {
  if (!partial) return { start, length };
  const from = Math.min(partial.start, length);
  return { start: start + from, length: Math.min(partial.length ?? length, length - from) };
}

function fromMemory(bytes: Buffer, partial: MessageUrl["partial"]): UrlContent {
  const { start, length } = cut({ start: 0, length: bytes.length }, partial);
  return {
    sizeBytes: length,
    read: async function* () {
      yield bytes.subarray(start, start + length);
    },
  };
}

async function readAll(mailbox: Mailbox, uid: number, range: Range): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of await mailbox.content(uid, range)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
