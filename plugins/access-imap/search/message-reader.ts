/** Reads what a search has to see of one message, and no more: its header, then its text. Rejects with what the store says. */
import {
  decodeEncodedWords,
  foldText,
  headerFields,
  headerLength,
  parseStructure,
  type ReadOctets,
  TextScan,
  unfold,
} from "postern/mail";
import type { Mailbox, MessageEntry } from "postern/plugin";
import type { Pace } from "../pace.ts";
import { Needles } from "./needles.ts";
import type { Plan } from "./plan.ts";
import { probeOf, RawFilter } from "./raw-filter.ts";
import type { SearchKey, TextKey } from "./search-key.ts";

/** Messages up to here are read whole; larger ones by structure, piece by piece. */
const wholeBytes = 524_288;
const maxHeaderBytes = 1_048_576;
const pieceBytes = 65_536;

export class MessageReader {
  readonly #mailbox: Mailbox;
  readonly #pace: Pace;
  readonly #plan: Plan;
  readonly #probes: ReadonlyMap<SearchKey, string>;

  constructor(mailbox: Mailbox, plan: Plan, pace: Pace) {
    this.#mailbox = mailbox;
    this.#plan = plan;
    this.#pace = pace;
    this.#probes = new Map(
      plan.readKeys.flatMap((key): [SearchKey, string][] => {
        const probe = probeOf(key.needle);
        return probe === null ? [] : [[key, probe]];
      }),
    );
  }

  async open({ uid, sizeBytes }: MessageEntry): Promise<OpenMessage> {
    const whole = sizeBytes <= wholeBytes ? await this.#mailbox.bytes(uid, wholeBytes) : null;
    const start = whole ?? (await this.#range(uid, { start: 0, length: maxHeaderBytes }));
    const filter = whole && this.#probes.size > 0 ? new RawFilter(whole) : null;
    return {
      isRuledOut: (key) => {
        const probe = this.#probes.get(key);
        return probe !== undefined && filter?.rulesOut(probe) === true;
      },
      fieldValues: fieldValuesOf(start),
      scan: (isOpen) => this.#scan(uid, whole, this.#plan.textKeys.filter(isOpen)),
    };
  }

  async #scan(uid: number, whole: Buffer | null, keys: readonly TextKey[]): Promise<ReadonlySet<TextKey>> {
    const structure = whole ? parseStructure(whole) : await this.#mailbox.structure(uid);
    const read: ReadOctets = whole
      ? (range) => piecesOf(whole.subarray(range.start, range.start + range.length))
      : (range) => this.#mailbox.content(uid, range);
    const scan = new TextScan(read, () => this.#pace.breathe());
    const inHeader = new Needles(keys.filter(({ at }) => at === "text").map(({ needle }) => needle));
    if (!inHeader.isDone) await scan.header(structure, inHeader);
    const open = keys.filter(({ at, needle }) => at === "body" || !inHeader.found.has(needle));
    const inBody = new Needles(open.map(({ needle }) => needle));
    await scan.body(structure, inBody);
    return new Set(
      keys.filter(({ at, needle }) => inBody.found.has(needle) || (at === "text" && inHeader.found.has(needle))),
    );
  }

  async #range(uid: number, range: { readonly start: number; readonly length: number }): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of await this.#mailbox.content(uid, range)) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  }
}

export interface OpenMessage {
  /** Found out without decoding anything. */
  isRuledOut(key: SearchKey): boolean;
  /** Folded values of a field, in order. */
  fieldValues(field: string): readonly string[];
  /** Looks for the text keys for which `isOpen` holds; answers those that fit. */
  scan(isOpen: (key: TextKey) => boolean): Promise<ReadonlySet<TextKey>>;
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** `start`: a message, or the beginning of one. */
function fieldValuesOf(start: Buffer): (field: string) => readonly string[] {
  let header: Buffer | null = null;
  return (field) => {
    header ??= start.subarray(0, headerLength(start));
    const values: string[] = [];
    for (const { name, valueStart, end } of headerFields(header))
      if (name.length === field.length && name.toLowerCase() === field)
        values.push(foldText(decodeEncodedWords(unfold(header, valueStart, end))));
    return values;
  };
}
