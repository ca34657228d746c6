/**
 * Searches that the client wants to hear more of (CONTEXT=SEARCH, RFC 5267): what no longer fits is told before it is expunged, what fits
 * now after the client knows the message. How many there are, and how much they hold, is bounded.
 */
import type { MessageEntry, Snapshot } from "postern/plugin";
import { isStoreError } from "../reply.ts";
import type { ImapSession, Selected } from "../session.ts";
import { formatString } from "../wire/format.ts";
import { formatSet } from "../wire/sequence-set.ts";
import { esearchHead } from "./answer.ts";
import { searchOf } from "./conduct.ts";
import type { Hit } from "./search.ts";
import { everyKey, type SearchKey } from "./search-key.ts";

interface Context {
  readonly tag: string;
  readonly key: SearchKey;
  readonly isUid: boolean;
  /** UIDs that fit, as the client knows. */
  readonly members: Set<number>;
  /** As it was when they were looked for last. */
  seen: Snapshot;
}

const maxContexts = 32;
/** UIDs that all contexts of a session hold together. */
const maxMembers = 200_000;

/** RFC 5267 4.3.1 */
export const refusedUpdate = (tag: string, why: string): string => `* NO [NOUPDATE ${formatString(tag)}] ${why}`;

export class SearchContexts {
  readonly #contexts = new Map<string, Context>();

  get isEmpty(): boolean {
    return this.#contexts.size === 0;
  }

  /** Follows a search from now on. Answers why not, or `null`. */
  follow(
    { tag, key, isUid }: { readonly tag: string; readonly key: SearchKey; readonly isUid: boolean },
    hits: readonly Hit[],
    seen: Snapshot,
  ): string | null {
    // What it was about would change with every expunge.
    for (const part of everyKey(key))
      if (part.at === "number" || (part.at === "uid" && part.set.isSaved)) return "Not with sequence numbers";
    this.#contexts.delete(tag);
    const held = [...this.#contexts.values()].reduce((sum, { members }) => sum + members.size, 0);
    if (this.#contexts.size >= maxContexts || held + hits.length > maxMembers) return "Too many updates";
    this.#contexts.set(tag, { tag, key, isUid, members: new Set(hits.map(({ entry }) => entry.uid)), seen });
    return null;
  }

  /** RFC 5267 4.3.5 */
  cancel(tag: string): void {
    this.#contexts.delete(tag);
  }

  /** RFC 5267 4.3.2: messages that are gone leave before their EXPUNGE, while their numbers still hold. */
  tellGone({ out }: ImapSession, { view }: Selected): void {
    for (const context of this.#contexts.values()) {
      const gone = view.ghostUids.filter((uid) => context.members.delete(uid));
      tell(out, context, {
        word: "REMOVEFROM",
        numbers: gone.map((uid) => (context.isUid ? uid : view.numberOf(uid))),
      });
    }
  }

  /** What came, or changed. Never rejects: a search that cannot be followed is given up, and the client told so. */
  async tellChanges(session: ImapSession, selected: Selected): Promise<void> {
    for (const context of this.#contexts.values()) {
      try {
        await follow(session, selected, context);
      } catch (fault) {
        this.#contexts.delete(context.tag);
        if (session.connection.closed.aborted) return;
        session.log.warn({ err: fault }, "search cannot be followed");
        session.out.line(refusedUpdate(context.tag, "Not possible any more"));
      }
    }
  }
}

async function follow(session: ImapSession, selected: Selected, context: Context): Promise<void> {
  const { view } = selected;
  if (context.seen === view.snapshot) return;
  const search = searchOf({ session, selected, key: context.key, wantsRelevancy: false });
  const { added, removed, seen } = { added: [] as number[], removed: [] as number[], seen: context.seen };
  context.seen = view.snapshot;
  for (let number = 1; number <= view.exists; number++) {
    const entry = view.entry(number);
    if (view.isGhost(number) || isKnown(seen, entry)) continue;
    const fits = await fitsNow(search, number);
    if (fits === context.members.has(entry.uid)) continue;
    if (fits) context.members.add(entry.uid);
    else context.members.delete(entry.uid);
    (fits ? added : removed).push(context.isUid ? entry.uid : number);
  }
  tell(session.out, context, { word: "REMOVEFROM", numbers: removed });
  tell(session.out, context, { word: "ADDTO", numbers: added });
}

const isKnown = (seen: Snapshot, entry: MessageEntry): boolean => {
  const index = seen.indexOf(entry.uid);
  return index < seen.size && seen.at(index) === entry;
};

async function fitsNow(search: { fits(number: number): Promise<boolean> }, number: number): Promise<boolean> {
  try {
    return await search.fits(number);
  } catch (fault) {
    // Gone in the meantime: its end will be told.
    if (isStoreError(fault, "expunged")) return false;
    throw fault;
  }
}

/** RFC 5267 4.3.2: place 0 stands for the order of the mailbox. */
function tell(
  out: ImapSession["out"],
  { tag, isUid }: Context,
  { word, numbers }: { readonly word: "ADDTO" | "REMOVEFROM"; readonly numbers: readonly number[] },
): void {
  if (numbers.length > 0) out.line(`${esearchHead(tag, isUid)} ${word} (0 ${formatSet(numbers)})`);
}
