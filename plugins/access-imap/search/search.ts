/** Runs a search over the messages of a view; yields the event loop between messages. */
import { decodeEncodedWords, headerFields, headerLength, parseStructure, unfold } from "postern/mail";
import type { Mailbox } from "postern/plugin";
import type { Pace } from "../pace.ts";
import { isStoreError } from "../reply.ts";
import type { Selected } from "../selected.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { type Candidate, judge, type SetTest, textKeysOf } from "./evaluate.ts";
import { fold } from "./fold.ts";
import type { SearchKey } from "./search-key.ts";
import { Needles, type ReadOctets, TextScan } from "./text-scan.ts";

/** Messages up to here are read whole; larger ones by structure, piece by piece. */
const wholeBytes = 524_288;
const maxHeaderBytes = 262_144;
const pieceBytes = 65_536;

type SetKey = SearchKey & { at: "number" | "uid" };
type TextKey = SearchKey & { at: "body" | "text" };

export class Search {
  readonly #selected: Selected;
  readonly #key: SearchKey;
  readonly #textKeys: readonly TextKey[];
  readonly #isIn: SetTest;
  readonly #pace: Pace;

  /** Throws `SyntaxFault` for sequence numbers that no message has. */
  constructor(selected: Selected, key: SearchKey, pace: Pace) {
    this.#pace = pace;
    this.#selected = selected;
    this.#key = key;
    this.#textKeys = textKeysOf(key);
    this.#isIn = setTest(selected, key);
  }

  /** Calls `found` with each sequence number, ascending. Answers whether every message could be looked at. */
  async run(found: (number: number, uid: number) => void): Promise<boolean> {
    const { view } = this.#selected;
    let isComplete = true;
    for (let number = 1; number <= view.exists; number++) {
      try {
        const verdict = this.#judgeKnown(number) ?? (await this.#judgeRead(number));
        if (verdict) found(number, view.entry(number).uid);
      } catch (fault) {
        if (!isStoreError(fault, "expunged")) throw fault;
        isComplete = false;
      }
      const pause = this.#pace.breathe();
      if (pause) await pause;
    }
    return isComplete;
  }

  #candidate(number: number): Candidate {
    const entry = this.#selected.view.entry(number);
    const isRecent = this.#selected.isRecent(entry.uid);
    return { number, entry, isRecent, fieldValues: null, date: null, hasText: null };
  }

  #judgeKnown(number: number): boolean | null {
    return judge(this.#key, this.#candidate(number), this.#isIn);
  }

  async #judgeRead(number: number): Promise<boolean> {
    const { mailbox } = this.#selected;
    const known = this.#candidate(number);
    const { uid, sizeBytes } = known.entry;
    const whole = sizeBytes <= wholeBytes ? await mailbox.bytes(uid, wholeBytes) : null;
    const start = whole ?? (await readRange(mailbox, uid, { start: 0, length: maxHeaderBytes }));
    const withHeader: Candidate = { ...known, ...headerFacts(start.subarray(0, headerLength(start))) };
    const verdict = judge(this.#key, withHeader, this.#isIn);
    if (verdict !== null) return verdict;
    const found = await this.#scan(uid, whole);
    return judge(this.#key, { ...withHeader, hasText: (key) => found.has(key) }, this.#isIn) === true;
  }

  async #scan(uid: number, whole: Buffer | null): Promise<ReadonlySet<SearchKey>> {
    const { mailbox } = this.#selected;
    const structure = whole ? parseStructure(whole) : await mailbox.structure(uid);
    const read: ReadOctets = whole
      ? (range) => pieces(whole.subarray(range.start, range.start + range.length))
      : (range) => mailbox.content(uid, range);
    const scan = new TextScan(read, this.#pace);
    const inHeader = new Needles(this.#textKeys.filter(({ at }) => at === "text").map(({ needle }) => needle));
    if (!inHeader.isDone) await scan.header(structure, inHeader);
    const open = this.#textKeys.filter((key) => key.at === "body" || !inHeader.found.has(key.needle));
    const inBody = new Needles(open.map(({ needle }) => needle));
    await scan.body(structure, inBody);
    return new Set<SearchKey>(
      this.#textKeys.filter(
        (key) => inBody.found.has(key.needle) || (key.at === "text" && inHeader.found.has(key.needle)),
      ),
    );
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

async function readRange(
  mailbox: Mailbox,
  uid: number,
  range: { readonly start: number; readonly length: number },
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of await mailbox.content(uid, range)) parts.push(piece as Buffer);
  return Buffer.concat(parts);
}

function headerFacts(header: Buffer): Pick<Candidate, "fieldValues" | "date"> {
  const raw = (field: string): string[] => {
    const values: string[] = [];
    for (const { name, valueStart, end } of headerFields(header))
      if (name.length === field.length && name.toLowerCase() === field) values.push(unfold(header, valueStart, end));
    return values;
  };
  return {
    fieldValues: (field) => raw(field).map((value) => fold(decodeEncodedWords(value))),
    date: () => raw("date")[0] ?? null,
  };
}

/** Every set is resolved once. */
function setTest({ view }: Selected, root: SearchKey): SetTest {
  const ranges = new Map<SearchKey, readonly (readonly [number, number])[]>();
  const visit = (key: SearchKey): void => {
    if (key.at === "and" || key.at === "or") key.keys.forEach(visit);
    else if (key.at === "not") visit(key.key);
    else if (key.at === "uid") ranges.set(key, key.set.resolve(view.lastUid));
    else if (key.at === "number") {
      if (!key.set.isWithin(view.exists)) throw new SyntaxFault("Invalid message sequence number");
      ranges.set(key, key.set.resolve(view.exists));
    }
  };
  visit(root);
  return (key: SetKey, value) => isInRanges(ranges.get(key) ?? [], value);
}

function isInRanges(ranges: readonly (readonly [number, number])[], value: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] as readonly [number, number];
    if (value < range[0]) high = middle;
    else if (value > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}
