/** FETCH (RFC 3501 6.4.5) and UID FETCH (6.4.8). */
import { type FetchItem, parseFetchItems } from "../fetch/fetch-item.ts";
import { MessageSource, type Needs, needsOf } from "../fetch/message-source.ts";
import { type FetchModifiers, parseFetchModifiers } from "../fetch/modifiers.ts";
import { BrokenLiteral, formatSimpleItem, respond } from "../fetch/respond.ts";
import { rangesOf } from "../message-set.ts";
import { Pace } from "../pace.ts";
import { isStoreError, no, ok, type Reply } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import { tellVanishedSince } from "../sync/resync.ts";
import type { View } from "../view.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { sliceOf } from "../wire/partial-range.ts";
import type { SequenceSet } from "../wire/sequence-set.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
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
const modseqItem: FetchItem = { item: "modseq" };
const includes = (items: readonly FetchItem[], { item: wanted }: FetchItem): boolean =>
  items.some(({ item }) => item === wanted);

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
    if (includes(items, flagsItem)) view.tellFlags(entry.uid);
  }

  /** RFC 3501 7.4.2: when \Seen was set along the way, the client is told its flags. RFC 7162 3.2.4: and their modification sequence. */
  #itemsFor(uid: number): readonly FetchItem[] {
    if (!this.#marked.has(uid)) return this.#items;
    const wanted = this.#selected.isModseqAware ? [uidItem, flagsItem, modseqItem] : [flagsItem];
    return [...wanted.filter((item) => !includes(this.#items, item)), ...this.#items];
  }
}

type Ranges = readonly (readonly [number, number])[];

/** RFC 7162 3.1.4.1 */
function changedIn(view: View, ranges: Ranges, since: number): Ranges {
  const changed: [number, number][] = [];
  for (const [from, to] of ranges) {
    for (let number = from; number <= to; number++) {
      if (view.entry(number).modseq <= since) continue;
      const last = changed.at(-1);
      if (last?.[1] === number - 1) last[1] = number;
      else changed.push([number, number]);
    }
  }
  return changed;
}

/** What of the messages named the modifiers leave. */
function pick(view: View, named: Ranges, { partial, changedSince }: FetchModifiers): Ranges {
  const ranges = changedSince === undefined ? named : changedIn(view, named, changedSince);
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
  const { changedSince, isVanished } = modifiers;
  // RFC 7162 3.2.6
  if (isVanished && !(isUid && session.enabled.has("QRESYNC"))) throw new SyntaxFault("VANISHED is not possible here");
  const ranges = pick(selected.view, rangesOf(selected.view, set, isUid), modifiers);
  const implied: FetchItem[] = [];
  // RFC 3501 6.4.8: a UID FETCH always answers with UIDs.
  if (isUid) implied.push(uidItem);
  // RFC 7162 3.1.4.1
  if (changedSince !== undefined) implied.push(modseqItem);
  const wanted = [...implied.filter((item) => !includes(items, item)), ...items];
  // RFC 7162 3.1
  if (includes(wanted, modseqItem)) session.enable("CONDSTORE");
  selected.tellNewKeywords(session.out);
  if (isVanished && changedSince !== undefined)
    await tellVanishedSince(session, selected, { set, modseq: changedSince });
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
