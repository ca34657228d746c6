/** What others did to the file becomes a change of what is known: messages that came, went or have other flags; new ones get their UIDs. */
import { fstatSync } from "node:fs";
import { type Alteration, fieldsCrc } from "./alter.ts";
import { type Compared, compareWithFile } from "./compare.ts";
import type { Folder } from "./folder.ts";
import type { Change } from "./index-file.ts";
import { Message, type ReadRow, toRow } from "./message.ts";
import type { Base } from "./meta-fields.ts";
import { type Numbered, numberMessages } from "./number-messages.ts";
import type { OpenFile } from "./open-file.ts";
import { wordsWith } from "./words.ts";

export interface TakenIn {
  /** For the index of others; asked for where it is not written anew as a whole. */
  readonly change: () => Change;
  readonly shows: boolean;
  readonly isDoubtful: boolean;
}

export async function takeIn(folder: Folder, file: OpenFile, isThorough: boolean): Promise<TakenIn> {
  const { state } = folder;
  const { fd } = file;
  const { size } = fstatSync(fd);
  const found = await compareWithFile(state, { fd, size, quoting: folder.site.quoting, isThorough });
  const known = [...state.messages()];
  const kept = known.slice(0, found.kept);
  const base = baseNow(folder, kept, found);
  const isKnown = state.uidValidity !== 0;
  const { uidValidity, uidNext } = folder.settleValidity(base, size === 0);
  const [first] = found.scanned;
  const lead = kept.length === 0 && first?.facts.isPseudo ? first : null;
  const { numbered, uidNext: next } = numberMessages(lead ? found.scanned.slice(1) : found.scanned, {
    after: kept.at(-1)?.uid ?? 0,
    uidNext: isKnown ? state.uidNext : uidNext,
    base: base?.uidValidity === uidValidity ? base : null,
    known: isKnown ? new Set(known.map(({ uid }) => uid)) : null,
  });
  state.uidValidity = uidValidity;
  const modseq = folder.nextModseq();
  const reread = [...found.reread].map(([{ uid }, scanned]): Numbered => ({ scanned, uid }));
  const put = [...reread.filter(({ uid }) => uid > 0), ...numbered].map((one) => readOf(folder, fd, one, modseq));
  const there = new Set([...kept, ...numbered].map(({ uid }) => uid));
  const gone = known.filter(({ uid }) => uid > 0 && !there.has(uid)).map(({ uid }) => uid);
  const leadNow = lead ?? reread.find(({ uid }) => uid === 0)?.scanned;
  const keptLead = kept.length > 0 ? state.leadRow : null;
  const leadRow = leadNow ? toRow(messageOf(fd, { scanned: leadNow, uid: 0 }), [], 0) : keptLead;
  const words = found.scanned.flatMap(({ facts }) => facts.flags);
  const shows = state.take(
    { gone, lead: leadRow },
    {
      uidNext: next,
      keywords: wordsWith(wordsWith(base?.keywords ?? [], state.keywords), words),
      isDoubtful: found.isDoubtful,
      modseq: put.length + gone.length > 0 ? modseq : state.look.modseq || modseq,
      stamp: "",
      end: size,
    },
    put,
  );
  const { moved, touched } = file.isWritable ? await writeUids(folder, file, { numbered, base }) : NOTHING;
  const change = (): Change => {
    const uids = new Set([...put.map(({ message }) => message.uid), ...touched.map(({ uid }) => uid)]);
    return { gone, moved, put: folder.rowsOf(uids), lead: state.leadRow };
  };
  return { change, shows, isDoubtful: found.isDoubtful };
}

interface Written {
  readonly moved: NonNullable<Change["moved"]>;
  readonly touched: readonly Message[];
}

const NOTHING: Written = { moved: [], touched: [] };

/** What the mailbox says of itself now. */
function baseNow({ base }: Folder, [holder]: readonly Message[], { reread, scanned }: Compared): Base | null {
  if (!holder) return scanned[0]?.facts.base ?? null;
  const again = reread.get(holder);
  return again ? again.facts.base : base;
}

function messageOf(fd: number, { scanned, uid }: Numbered): Message {
  const { internalDate, sizeBytes, facts, place } = scanned;
  const { tag, isOld } = facts;
  return new Message({ uid, internalDate, sizeBytes, tag, isOld, crc: fieldsCrc(fd, place) }, place);
}

function readOf(folder: Folder, fd: number, one: Numbered, modseq: number): ReadRow {
  const entry = folder.snapshot.find(one.uid);
  const { flags } = one.scanned.facts;
  const isSame = entry !== null && entry.flags.size === flags.length && flags.every((flag) => entry.flags.has(flag));
  return { message: messageOf(fd, one), flags, modseq: isSame ? entry.modseq : modseq };
}

/** UIDs are in the file before anybody hears of them. */
async function writeUids(
  folder: Folder,
  file: OpenFile,
  { numbered, base }: { readonly numbered: readonly Numbered[]; readonly base: Base | null },
): Promise<Written> {
  const { state, holder } = folder;
  const alterations: Alteration[] = [];
  for (const { scanned, uid } of numbered) {
    const message = state.snapshot.find(uid)?.message;
    if (message && scanned.facts.uid !== uid) alterations.push({ message, wanted: folder.wantedOf(message) });
  }
  const isBehind = !base || base.uidValidity !== state.uidValidity || base.lastUid !== state.uidNext - 1;
  if (holder && isBehind && !alterations.some(({ message }) => message === holder)) {
    alterations.unshift({ message: holder, wanted: folder.wantedOf(holder) });
  }
  if (alterations.length === 0) return NOTHING;
  const { moved, reshaped } = await folder.alter(file, alterations);
  return { moved, touched: [...alterations.map(({ message }) => message), ...reshaped] };
}
