/** Answers for the messages of one FETCH, one after the other, while other sessions have their turn. */
import { Pace } from "../pace.ts";
import { isStoreError } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import { UnknownEncoding } from "./binary.ts";
import type { FetchItem } from "./fetch-item.ts";
import { textName } from "./known-texts.ts";
import { MessageSource, type Needs, needsOf } from "./message-source.ts";
import { needsGathering, type Responding, type Response, respond, respondAtOnce } from "./respond.ts";
import { stringsFor } from "./strings.ts";

/** Ascending sequence numbers, both ends are in it. */
export type Ranges = readonly (readonly [number, number])[];

export const uidItem: FetchItem = { item: "uid" };
export const modseqItem: FetchItem = { item: "modseq" };
const flagsItem: FetchItem = { item: "flags" };

export const includes = (items: readonly FetchItem[], { item: wanted }: FetchItem): boolean =>
  items.some(({ item }) => item === wanted);

const setsSeen = (item: FetchItem): boolean => (item.item === "section" || item.item === "binary") && !item.isPeek;

/** What has to be done for each message. */
interface Plan {
  readonly needs: Needs;
  /** The store is asked for more than the entry: that may take its time. */
  readonly isLooking: boolean;
  readonly isGathering: boolean;
}

function planOf(items: readonly FetchItem[]): Plan {
  const needs = needsOf(items);
  return { needs, isLooking: Object.values(needs).includes(true), isGathering: needsGathering(items) };
}

export class Fetch {
  readonly #session: ImapSession;
  readonly #selected: Selected;
  readonly #items: readonly FetchItem[];
  readonly #whole: Plan;
  /** The same where all texts that are kept are known. */
  readonly #besides: Plan;
  readonly #textNames: readonly string[];
  readonly #responding: Responding;
  readonly #pace: Pace;
  readonly #marked = new Set<number>();
  /** Every message could be had. */
  isComplete = true;
  /** RFC 3516 4.3: a part could not be decoded. */
  isUndecoded = false;

  constructor(session: ImapSession, selected: Selected, items: readonly FetchItem[]) {
    this.#session = session;
    this.#selected = selected;
    this.#items = items;
    this.#whole = planOf(items);
    this.#besides = planOf(items.filter((item) => textName(item) === null));
    this.#textNames = items.flatMap((item) => textName(item) ?? []);
    const texts = session.isUtf8 ? null : session.services.knownTexts.of(selected.mailbox);
    this.#responding = { out: session.out, selected, strings: stringsFor(session), texts };
    this.#pace = new Pace(session.connection.closed);
  }

  async run(ranges: Ranges): Promise<void> {
    await this.#markSeen(ranges);
    for (const [from, to] of ranges) {
      for (let number = from; number <= to; number++) {
        const plan = this.#areTextsKnown(number) ? this.#besides : this.#whole;
        const response = this.#respond(number, plan);
        if (response) await response;
        const wait = this.#session.out.flushIfFull();
        if (wait) await wait;
        if (plan.isLooking || (number & 15) === 0) {
          const pause = this.#pace.breathe();
          if (pause) await pause;
        }
      }
    }
  }

  /** RFC 3501 6.4.5: looking at a body sets \Seen, once for all messages of the command. */
  async #markSeen(ranges: Ranges): Promise<void> {
    const { view, mailbox } = this.#selected;
    if (mailbox.isReadOnly || !this.#items.some(setsSeen)) return;
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

  #areTextsKnown(number: number): boolean {
    const { texts, selected } = this.#responding;
    if (texts === null || this.#textNames.length === 0) return false;
    const { uid } = selected.view.entry(number);
    for (const name of this.#textNames) if (texts.get(name, uid) === undefined) return false;
    return true;
  }

  /** A promise only where something has to be waited for. */
  #respond(number: number, plan: Plan): void | Promise<void> {
    const { view, mailbox } = this.#selected;
    const entry = view.entry(number);
    const response = { number, items: this.#itemsFor(entry.uid), source: new MessageSource(mailbox, entry) };
    const loading = response.source.load(plan.needs);
    const wait = loading ? loading.then(() => this.#tell(response, plan)) : this.#tell(response, plan);
    if (wait) return this.#leaveOut(wait);
  }

  #tell(response: Response, { isGathering }: Plan): void | Promise<void> {
    const wait = isGathering ? respond(this.#responding, response) : respondAtOnce(this.#responding, response);
    if (wait) return wait.then(() => this.#told(response));
    this.#told(response);
  }

  #told({ items, source }: Response): void {
    if (includes(items, flagsItem)) this.#selected.view.tellFlags(source.entry.uid);
  }

  /** What cannot be had. */
  async #leaveOut(response: Promise<void>): Promise<void> {
    try {
      await response;
    } catch (fault) {
      if (fault instanceof UnknownEncoding) this.isUndecoded = true;
      // RFC 2180 4.1.2: what others have expunged meanwhile is left out.
      else if (isStoreError(fault, "expunged")) this.isComplete = false;
      else throw fault;
    }
  }

  /** RFC 3501 7.4.2: when \Seen was set along the way, the client is told its flags. RFC 7162 3.2.4: and their modification sequence. */
  #itemsFor(uid: number): readonly FetchItem[] {
    if (!this.#marked.has(uid)) return this.#items;
    const wanted = this.#selected.isModseqAware ? [uidItem, flagsItem, modseqItem] : [flagsItem];
    return [...wanted.filter((item) => !includes(this.#items, item)), ...this.#items];
  }
}
