/** What others did to the file becomes a change of what is known: messages that came, went or have other flags; new ones get their UIDs. */
import { fstatSync } from "node:fs";
import { attempt, type MboxBase, type ScannedMessage } from "postern/store";
import { compareWithFile } from "./compare.ts";
import type { Folder } from "./folder.ts";
import { keepIds } from "./given-ids.ts";
import type { Read } from "./mailbox-state.ts";
import { Message } from "./message.ts";
import { Numbers } from "./number-messages.ts";
import type { OpenFile } from "./open-file.ts";
import { wordsWith } from "./words.ts";

export interface TakenIn {
  readonly touched: readonly Message[];
  readonly gone: readonly number[];
  readonly modseq: number;
  readonly shows: boolean;
  readonly isDoubtful: boolean;
}

const NO_FLAGS: ReadonlySet<string> = new Set();

export async function takeIn(folder: Folder, file: OpenFile, isThorough: boolean): Promise<TakenIn> {
  const { state } = folder;
  const { fd } = file;
  const { size } = fstatSync(fd);
  const known = [...state.messages()];
  const flagsOf = ({ uid }: Message) => state.snapshot.find(uid)?.flags ?? NO_FLAGS;
  const comparing = { fd, size, quoting: folder.site.quoting, end: state.look.end, flagsOf, isThorough };
  const { kept, rest, reread, isDoubtful, ...found } = await compareWithFile(
    state.look.end > 0 ? known : [],
    comparing,
  );
  const base = kept > 0 ? found.base : (found.first?.facts.base ?? null);
  const isKnown = state.uidValidity !== 0;
  const { uidValidity, uidNext } = folder.settleValidity(base, size === 0);
  // Somebody may have numbered messages that are gone, and with them what the file said of it.
  const isForgotten = kept === 0 && base === null && folder.index === null;
  const numbers = new Numbers({
    after: known[kept - 1]?.uid ?? 0,
    uidNext: isKnown ? Math.max(state.uidNext, isForgotten ? folder.facts.uidNext : 0) : uidNext,
    base: base?.uidValidity === uidValidity ? base : null,
    isKnown: isKnown ? (uid) => state.snapshot.find(uid) !== null : null,
  });
  state.uidValidity = uidValidity;
  const modseq = folder.nextModseq();
  const taking = new Taking(folder, modseq);
  if (kept === 0) state.lead = null;
  for (const [{ uid }, scanned] of reread) taking.add(scanned, uid);
  for await (const scanned of rest) {
    const isLead = scanned === found.first && kept === 0 && scanned.facts.isPseudo;
    taking.add(scanned, isLead ? 0 : numbers.next(scanned.facts.uid));
  }
  const gone = known.slice(kept).flatMap(({ uid }) => (uid > 0 && !taking.has(uid) ? [uid] : []));
  state.look = {
    ...state.look,
    keywords: wordsWith(wordsWith(base?.keywords ?? [], state.keywords), taking.words),
    isDoubtful,
  };
  const isChanged = taking.reads.length + gone.length > 0 || state.snapshot.highestModseq <= 1;
  const highestModseq = isChanged ? modseq : state.snapshot.highestModseq;
  const shows = state.take({ put: taking.reads, gone, uidNext: numbers.uidNext, highestModseq });
  attempt(() => keepIds(folder, taking.ids));
  const touched = taking.messages;
  if (file.isWritable) touched.push(...(await writeUids(folder, file, { unwritten: taking.unwritten, base })));
  return { touched, gone, modseq, shows, isDoubtful };
}

/** Messages as they are found. */
class Taking {
  readonly reads: Read[] = [];
  /** In which another UID stands, or none. */
  readonly unwritten: Message[] = [];
  readonly words = new Set<string>();
  /** Of messages that had no UID here. */
  readonly ids: (readonly [number, string])[] = [];
  readonly #folder: Folder;
  readonly #modseq: number;
  #uids: Set<number> | null = null;

  constructor(folder: Folder, modseq: number) {
    this.#folder = folder;
    this.#modseq = modseq;
  }

  add(scanned: ScannedMessage, uid: number): void {
    const { state } = this.#folder;
    const message = Message.scanned(uid, scanned);
    for (const flag of scanned.facts.flags) this.words.add(flag);
    if (uid === 0) {
      state.lead = message;
      return;
    }
    const entry = uid < state.uidNext ? state.snapshot.find(uid) : null;
    const flags = state.flagsOf(scanned.facts.flags);
    const isSame =
      entry !== null && entry.flags.size === flags.size && [...flags].every((flag) => entry.flags.has(flag));
    this.reads.push({ message, flags: isSame ? entry.flags : flags, modseq: isSame ? entry.modseq : this.#modseq });
    if (scanned.facts.uid !== uid) this.unwritten.push(message);
    if (scanned.uniqueId !== "" && !entry && this.#folder.site.reusesXUidl) this.ids.push([uid, scanned.uniqueId]);
  }

  has(uid: number): boolean {
    this.#uids ??= new Set(this.reads.map(({ message }) => message.uid));
    return this.#uids.has(uid);
  }

  /** As they are shown. */
  get messages(): Message[] {
    const { snapshot } = this.#folder;
    return this.reads.flatMap(({ message }) => snapshot.find(message.uid)?.message ?? []);
  }
}

/** UIDs are in the file before anybody hears of them. Answers whatever was changed. */
async function writeUids(
  folder: Folder,
  file: OpenFile,
  { unwritten, base }: { readonly unwritten: readonly Message[]; readonly base: MboxBase | null },
): Promise<readonly Message[]> {
  const { state, holder } = folder;
  const doomed = unwritten.flatMap(({ uid }) => state.snapshot.find(uid)?.message ?? []);
  const isBehind = !base || base.uidValidity !== state.uidValidity || base.lastUid !== state.uidNext - 1;
  if (holder && isBehind && !doomed.includes(holder)) doomed.unshift(holder);
  return doomed.length > 0 ? folder.alter(file, doomed) : [];
}
