/**
 * What STATUS tells of a mailbox (RFC 3501 6.3.10), asked for by itself or with LIST (RFC 5819). What the store's index knows is taken
 * from there; DELETED and DELETED-STORAGE look at each message's flags where they have changed.
 */
import type { AccountMailboxes, MailboxStatus } from "postern/plugin";
import type { ImapSession } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import type { Deleted } from "./deleted-counts.ts";

interface Facts {
  readonly status: MailboxStatus;
  /** `null`: not asked for. */
  readonly deleted: Deleted | null;
  readonly recent: number;
  readonly appendLimit: number;
}

const items = {
  MESSAGES: ({ status }: Facts) => status.messages,
  RECENT: ({ recent }: Facts) => recent,
  UIDNEXT: ({ status }: Facts) => status.uidNext,
  UIDVALIDITY: ({ status }: Facts) => status.uidValidity,
  UNSEEN: ({ status }: Facts) => status.unseen,
  // RFC 8438 3: not below the sum of all RFC822.SIZE.
  SIZE: ({ status }: Facts) => status.sizeBytes,
  // RFC 9208 4.1.4
  DELETED: ({ deleted }: Facts) => deleted?.messages ?? 0,
  "DELETED-STORAGE": ({ deleted }: Facts) => deleted?.bytes ?? 0,
  // RFC 7162 3.1.6
  HIGHESTMODSEQ: ({ status }: Facts) => status.highestModseq,
  // RFC 8474 4.3
  MAILBOXID: ({ status }: Facts) => `(${status.mailboxId})`,
  // RFC 7889 3: the same for every mailbox.
  APPENDLIMIT: ({ appendLimit }: Facts) => appendLimit,
} satisfies Record<string, (facts: Facts) => number | string>;

export type StatusItem = keyof typeof items;

const isItem = (word: string): word is StatusItem => Object.hasOwn(items, word);

export function parseStatusItems(parser: CommandParser): readonly StatusItem[] {
  const wanted = parser.list(() => {
    const item = parser.atom().toUpperCase();
    if (!isItem(item)) throw new SyntaxFault("Unknown STATUS item");
    return item;
  });
  if (wanted.length === 0) throw new SyntaxFault("Expected STATUS items");
  return [...new Set(wanted)];
}

/** `STATUS name (...)` without the star. Rejects as the store does. */
export async function statusOf(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  { name, wanted }: { readonly name: string; readonly wanted: readonly StatusItem[] },
): Promise<string> {
  // RFC 7162 3.1: whoever asks for HIGHESTMODSEQ is CONDSTORE-aware from now on.
  if (wanted.includes("HIGHESTMODSEQ") && !session.enabled.has("CONDSTORE")) session.enable("CONDSTORE");
  const status = await mailboxes.status(name);
  const { deletedCounts, options } = session.services;
  const needsDeleted = wanted.includes("DELETED") || wanted.includes("DELETED-STORAGE");
  const selected =
    session.state.at === "selected" && session.state.selected.mailbox.name === name ? session.state.selected : null;
  if (selected && selected.mailbox.snapshot.highestModseq !== status.highestModseq) {
    // RFC 9051 6.3.11: the selected mailbox can be asked for as well. What is told here and was not yet, follows at the end.
    selected.isStale = true;
  }
  const facts: Facts = {
    status,
    deleted: needsDeleted ? await deletedCounts.of({ login: session.login, mailboxes }, name, status) : null,
    // RFC 3501 2.3.2: what this session has claimed as recent is recent to it.
    recent: status.recent + (selected?.recentCount() ?? 0),
    appendLimit: options.maxMessageSize,
  };
  return `STATUS ${session.formatName(name)} (${wanted.map((item) => `${item} ${items[item](facts)}`).join(" ")})`;
}
