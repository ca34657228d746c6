/**
 * Runs a search over the messages of a view; others have the event loop between messages. Rejects with `SyntaxFault` for numbers that no
 * message has, and with what the store says of messages that are not gone and cannot be read.
 */
import type { FullTextMailbox, MessageEntry, RuledOut } from "postern/plugin";
import { rangesOf } from "../message-set.ts";
import type { Pace } from "../pace.ts";
import { isStoreError } from "../reply.ts";
import type { Selected } from "../selected.ts";
import { type Candidate, type Circumstances, judge } from "./evaluate.ts";
import { relevancy } from "./fuzzy.ts";
import { MessageReader } from "./message-reader.ts";
import { type Plan, planOf } from "./plan.ts";
import { everyKey, type SearchKey, type SetKey } from "./search-key.ts";

type NumberRange = readonly [number, number];

export interface Hit {
  readonly number: number;
  readonly entry: MessageEntry;
  /** RFC 6203 4; 0 where nobody asked. */
  readonly relevancy: number;
}

export interface SearchParts {
  readonly pace: Pace;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly fullText?: FullTextMailbox | undefined;
  readonly wantsRelevancy?: boolean;
}

export class Search {
  readonly #selected: Selected;
  readonly #plan: Plan;
  readonly #given: Circumstances;
  readonly #ranges: readonly NumberRange[];
  readonly #parts: SearchParts;
  readonly #reader: MessageReader;
  #ruledOut: ReadonlyMap<SearchKey, RuledOut> | null = null;

  constructor(selected: Selected, key: SearchKey, parts: SearchParts) {
    this.#selected = selected;
    this.#plan = planOf(key);
    this.#parts = parts;
    const sets = resolveSets(selected, this.#plan.key);
    this.#given = { isIn: (set, number) => isInRanges(sets.get(set) ?? [], number), now: parts.now };
    this.#ranges = spanOf(this.#plan.key, sets, selected.view.exists);
    this.#reader = new MessageReader(selected.mailbox, this.#plan, parts.pace);
  }

  /**
   * Shows each message that fits, in the order of the mailbox or against it, until `found` answers `false`. Resolves to whether every
   * message that it came to could be looked at: some may be gone.
   */
  async walk(direction: "up" | "down", found: (hit: Hit) => boolean): Promise<boolean> {
    await this.#askIndex();
    let isComplete = true;
    for (const [first, last] of direction === "up" ? this.#ranges : this.#ranges.toReversed()) {
      const [from, end, step] = direction === "up" ? [first, last + 1, 1] : [last, first - 1, -1];
      for (let number = from; number !== end; number += step) {
        try {
          const verdict = this.#judgeKnown(number) ?? (await this.#judgeRead(number));
          if (verdict && !found(this.#parts.wantsRelevancy ? await this.#rated(number) : this.#hit(number)))
            return isComplete;
        } catch (fault) {
          if (!isStoreError(fault, "expunged")) throw fault;
          isComplete = false;
        }
        const pause = this.#parts.pace.breathe();
        if (pause) await pause;
      }
    }
    return isComplete;
  }

  /** One message. Rejects with `expunged` if it is gone and must be read. */
  async fits(number: number): Promise<boolean> {
    return this.#judgeKnown(number) ?? (await this.#judgeRead(number));
  }

  async #askIndex(): Promise<void> {
    const keys = this.#plan.readKeys.filter(({ needle }) => needle !== "");
    const { fullText } = this.#parts;
    if (!fullText || keys.length === 0 || this.#ruledOut) return;
    const answers = await fullText.ruleOut(
      keys.map((key) => ({ in: key.at === "header" ? { field: key.field } : key.at, needle: key.needle })),
    );
    this.#ruledOut = new Map(
      keys.flatMap((key, at): [SearchKey, RuledOut][] => {
        const answer = answers[at];
        return answer ? [[key, answer]] : [];
      }),
    );
  }

  #candidate(number: number): Candidate {
    const entry = this.#selected.view.entry(number);
    const ruledOut = this.#ruledOut;
    return {
      number,
      entry,
      isRecent: this.#selected.isRecent(entry.uid),
      overview: null,
      gist: null,
      isRuledOut: ruledOut && ((key) => ruledOut.get(key)?.has(entry.uid) === true),
      fieldValues: null,
      hasText: null,
    };
  }

  #judge(candidate: Candidate): boolean | null {
    return judge(this.#plan.key, candidate, this.#given);
  }

  #judgeKnown(number: number): boolean | null {
    return this.#judge(this.#candidate(number));
  }

  async #judgeRead(number: number): Promise<boolean> {
    const known = await this.#withOverview(number);
    const verdict = this.#judge(known);
    return verdict ?? this.#judge(await this.#withContent(known, false)) === true;
  }

  async #withOverview(number: number): Promise<Candidate> {
    const candidate = this.#candidate(number);
    const { needsOverview, needsGist } = this.#plan;
    if (!needsOverview && !needsGist) return candidate;
    const { mailbox } = this.#selected;
    // First: whatever is read for the gist tells the overview, too.
    const gist = needsGist ? mailbox.gist(candidate.entry.uid) : null;
    const found = gist instanceof Promise ? await gist : gist;
    const overview = needsOverview ? mailbox.overview(candidate.entry.uid) : null;
    return { ...candidate, gist: found, overview: overview instanceof Promise ? await overview : overview };
  }

  /** `isThorough`: also what the verdict does not hang on. */
  async #withContent(known: Candidate, isThorough: boolean): Promise<Candidate> {
    const message = await this.#reader.open(known.entry);
    const byIndex = known.isRuledOut;
    const isRuledOut = (key: SearchKey) => byIndex?.(key) === true || message.isRuledOut(key);
    const filtered: Candidate = { ...known, isRuledOut };
    if (!isThorough && this.#judge(filtered) !== null) return filtered;
    const withHeader: Candidate = { ...filtered, fieldValues: (field) => message.fieldValues(field) };
    if (this.#plan.textKeys.length === 0 || (!isThorough && this.#judge(withHeader) !== null)) return withHeader;
    const found = await message.scan((key) => key.needle !== "" && !isRuledOut(key));
    return { ...withHeader, hasText: (key) => found.has(key) };
  }

  #hit(number: number): Hit {
    return { number, entry: this.#selected.view.entry(number), relevancy: 0 };
  }

  async #rated(number: number): Promise<Hit> {
    const known = await this.#withOverview(number);
    const full = this.#plan.readKeys.length > 0 ? await this.#withContent(known, true) : known;
    const rating = relevancy(this.#plan.key, (key) => judge(key, full, this.#given) === true);
    return { ...this.#hit(number), relevancy: rating };
  }
}

/** Every set is resolved once. */
function resolveSets({ view }: Selected, root: SearchKey): ReadonlyMap<SearchKey, readonly NumberRange[]> {
  const sets = new Map<SearchKey, readonly NumberRange[]>();
  for (const key of everyKey(root))
    if (key.at === "uid" || key.at === "number") sets.set(key, rangesOf(view, (key as SetKey).set, key.at === "uid"));
  return sets;
}

/** The messages that can fit at all, as far as sets say that the whole search is about. */
function spanOf(
  root: SearchKey,
  sets: ReadonlyMap<SearchKey, readonly NumberRange[]>,
  exists: number,
): readonly NumberRange[] {
  let span: readonly NumberRange[] = exists === 0 ? [] : [[1, exists]];
  for (const key of root.at === "and" ? root.keys : [root]) {
    const ranges = sets.get(key);
    if (ranges && countOf(ranges) < countOf(span)) span = ranges;
  }
  return span;
}

const countOf = (ranges: readonly NumberRange[]): number => ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);

function isInRanges(ranges: readonly NumberRange[], value: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] as NumberRange;
    if (value < range[0]) high = middle;
    else if (value > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}
