/** FETCH (RFC 3501 6.4.5) and UID FETCH (6.4.8). */
import { type FetchItem, parseFetchItems } from "../fetch/fetch-item.ts";
import { MessageSource, type Needs, needsOf } from "../fetch/message-source.ts";
import { type FetchModifiers, parseFetchModifiers } from "../fetch/modifiers.ts";
import { BrokenLiteral, formatSimpleItem, respond } from "../fetch/respond.ts";
import { rangesOf } from "../message-set.ts";
import { Pace } from "../pace.ts";
import { isStoreError, no, ok, type Reply } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { sliceOf } from "../wire/partial-range.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { defineCommand } from "./command.ts";

interface Arguments {
  readonly set: SequenceSet;
  readonly items: readonly FetchItem[];
  readonly modifiers: FetchModifiers;
}

function parse(parser: CommandParser): Arguments {
  parser.space();
  const set = parser.sequenceSet();
  parser.space();
  const items = parseFetchItems(parser);
  const modifiers = parseFetchModifiers(parser);
  parser.end();
  return { set, items, modifiers };
}

const uidItem: FetchItem = { item: "uid" };
const flagsItem: FetchItem = { item: "flags" };

class Fetch {
  readonly #session: ImapSession;
  readonly #selected: Selected;
  readonly #items: readonly FetchItem[];
  readonly #needs: Needs;
  readonly #pace: Pace;
  readonly #marked = new Set<number>();
  #isComplete = true;

  constructor(session: ImapSession, selected: Selected, items: readonly FetchItem[]) {
    this.#session = session;
    this.#selected = selected;
    this.#items = items;
    this.#needs = needsOf(items);
    this.#pace = new Pace(session.connection.closed);
  }

  /** Answers whether every message could be had. */
  async run(ranges: Ranges): Promise<boolean> {
    await this.#markSeen(ranges);
    const { header, structure, content } = this.#needs;
    const isSimple = !header && !structure && !content;
    for (const [from, to] of ranges) {
      for (let number = from; number <= to; number++) {
        if (isSimple) this.#respondSimple(number);
        else await this.#respond(number);
        const wait = this.#session.out.flushIfFull();
        if (wait) await wait;
        if ((number & 15) === 0 || !isSimple) {
          const pause = this.#pace.breathe();
          if (pause) await pause;
        }
      }
    }
    return this.#isComplete;
  }

  /** RFC 3501 6.4.5: looking at a body sets \Seen, once for all messages of the command. */
  async #markSeen(ranges: Ranges): Promise<void> {
    const { view, mailbox } = this.#selected;
    if (mailbox.isReadOnly || !this.#items.some((item) => item.item === "section" && !item.isPeek)) return;
    for (const [from, to] of ranges) {
      for (let number = from; number <= to; number++) {
        const { uid, flags } = view.entry(number);
        if (!flags.has("\\Seen") && !view.isGhost(number)) this.#marked.add(uid);
      }
    }
    if (this.#marked.size === 0) return;
    try {
      await mailbox.store([...this.#marked], { mode: "add", flags: ["\\Seen"] });
      await this.#selected.adopt();
    } catch (fault) {
      // Who may not write may read all the same.
      if (!isStoreError(fault, "noPermission")) throw fault;
      this.#marked.clear();
    }
  }

  #respondSimple(number: number): void {
    const { view } = this.#selected;
    const source = { entry: view.entry(number) };
    let line = `* ${number} FETCH (`;
    for (const item of this.#items) {
      if (item.item === "flags") view.tellFlags(source.entry.uid);
      line += `${item === this.#items[0] ? "" : " "}${formatSimpleItem(item, source, this.#selected)}`;
    }
    this.#session.out.line(`${line})`);
  }

  async #respond(number: number): Promise<void> {
    const { view, mailbox } = this.#selected;
    const entry = view.entry(number);
    const source = new MessageSource(mailbox, entry);
    const items = this.#itemsFor(entry.uid);
    try {
      await source.load(this.#needs);
      await respond(this.#session.out, { number, items, source, selected: this.#selected });
    } catch (fault) {
      // RFC 2180 4.1.2: what others have expunged meanwhile is left out.
      if (!isStoreError(fault, "expunged")) throw fault;
      this.#isComplete = false;
      return;
    }
    if (items.includes(flagsItem) || items.some(({ item }) => item === "flags")) view.tellFlags(entry.uid);
  }

  /** RFC 3501 7.4.2: when \Seen was set along the way, the client is told its flags. */
  #itemsFor(uid: number): readonly FetchItem[] {
    if (!this.#marked.has(uid) || this.#items.some(({ item }) => item === "flags")) return this.#items;
    return [flagsItem, ...this.#items];
  }
}

type Ranges = readonly (readonly [number, number])[];

/** What of the messages named the modifiers leave. */
function pick(ranges: Ranges, { partial }: FetchModifiers): Ranges {
  if (!partial) return ranges;
  // RFC 9394 3.3: places in what would be answered without it.
  const count = ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  let { start, end } = sliceOf(partial, count);
  const picked: [number, number][] = [];
  for (const [from, to] of ranges) {
    const length = to - from + 1;
    if (start < length && end > 0) picked.push([from + Math.max(0, start), Math.min(to, from + end - 1)]);
    start -= length;
    end -= length;
  }
  return picked.filter(([from, to]) => from <= to);
}

async function fetchMessages(
  given: { readonly session: ImapSession; readonly selected: Selected },
  { set, items, modifiers }: Arguments,
  isUid: boolean,
): Promise<Reply | null> {
  const { session, selected } = given;
  const ranges = pick(rangesOf(selected.view, set, isUid), modifiers);
  // RFC 3501 6.4.8: a UID FETCH always answers with UIDs.
  const wanted = isUid && !items.some(({ item }) => item === "uid") ? [uidItem, ...items] : items;
  selected.tellNewKeywords(session.out);
  try {
    const isComplete = await new Fetch(session, selected, wanted).run(ranges);
    if (isComplete) return ok("Fetch completed");
    const text = "Some of the messages no longer exist";
    return isUid ? ok(text, "EXPUNGEISSUED") : no(text, "EXPUNGEISSUED");
  } catch (fault) {
    if (!(fault instanceof BrokenLiteral)) throw fault;
    if (!session.connection.closed.aborted)
      session.log.error({ err: fault, mailbox: selected.mailbox.name }, "message broke off in the middle of a literal");
    session.breakOff();
    return null;
  }
}

export const fetch = defineCommand({
  validIn: "selected",
  mayExpunge: false,
  parse,
  run: (given, args: Arguments) => fetchMessages(given, args, false),
});

export const uidFetch = defineCommand({
  validIn: "selected",
  parse,
  run: (given, args: Arguments) => fetchMessages(given, args, true),
});
