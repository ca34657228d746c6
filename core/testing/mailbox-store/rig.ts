/** What the conformance tests of a mailbox store share: accounts, messages, short ways to ask. */
import { buffer } from "node:stream/consumers";
import type { Account } from "../../contracts/account.ts";
import type { Mailbox, MailboxStore, NewMessage, Snapshot } from "../../contracts/mailbox-store.ts";
import type { Quotas } from "../../contracts/quota.ts";

/** A store under test. `again` opens the same mail a second time, as another process would. */
export interface StoreUnderTest {
  readonly store: MailboxStore;
  /** Where accounts may have their home; every test uses accounts of its own. */
  readonly home: string;
  again(): Promise<MailboxStore>;
  /** Ends everything this one opened. */
  stop(): Promise<void>;
  /** `false`: it runs without an index of mailboxes, so processes number changes each by itself, and what one says means nothing to
   * clients of another. Left out: they agree. */
  readonly sharesModseqs?: boolean;
  /** How processes of their own have the same mail, for tests that kill them. Left out: those are skipped. */
  readonly elsewhere?: StoreElsewhere;
}

/** A module, as a URL, that exports `openStore(config, index): Promise<MailboxStore>`. */
export interface StoreElsewhere {
  readonly module: string;
  /** Where all processes have their index of mailboxes; `null`: there is none. */
  readonly indexDirectory: string | null;
  /** Plain JSON data. */
  readonly config: unknown;
}
/** `quotas` is given where limits are tested: the store hands them to whatever asks. */
export type MakeStore = (how?: { readonly quotas?: Quotas }) => Promise<StoreUnderTest>;

let accounts = 0;

export function testAccount(home: string): Account {
  const localPart = `user${++accounts}`;
  const address = { localPart, domain: "example.org", toString: () => `${localPart}@example.org` };
  return { login: String(address), addresses: [address], home: `${home}/${localPart}`, quotaBytes: null };
}

export const text = (subject: string, body = "Hello.\r\n"): Buffer =>
  Buffer.from(`From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: ${subject}\r\n\r\n${body}`);

export const message = (
  subject: string,
  how: Omit<NewMessage, "content"> & { readonly body?: string } = {},
): NewMessage => {
  const { body, ...rest } = how;
  return { content: [text(subject, body)], ...rest };
};

/** One of some size, by whose octets it can be told whether it is whole. */
export const longMessage = (subject: string): { readonly content: readonly [Buffer] } => ({
  content: [Buffer.from(`Subject: ${subject}\r\n\r\n${`line of ${subject}\r\n`.repeat(200)}end of ${subject}\r\n`)],
});

export const uidsOf = (snapshot: Snapshot): readonly number[] =>
  Array.from({ length: snapshot.size }, (_, index) => snapshot.at(index).uid);

export const entryOf = (snapshot: Snapshot, uid: number) => {
  const index = snapshot.indexOf(uid);
  const entry = index < snapshot.size ? snapshot.at(index) : null;
  if (entry?.uid !== uid) throw new Error(`no message ${uid}`);
  return entry;
};

export const flagsOf = (snapshot: Snapshot, uid: number): readonly string[] => [...entryOf(snapshot, uid).flags].sort();

export const bytesOf = async (mailbox: Mailbox, uid: number): Promise<Buffer> => buffer(await mailbox.content(uid));

export const subjectOf = async (mailbox: Mailbox, uid: number): Promise<string> =>
  /^Subject: (.*)\r$/m.exec((await bytesOf(mailbox, uid)).toString())?.[1] ?? "";

/** Subjects of all messages, in order of UID. */
export async function subjectsOf(mailbox: Mailbox): Promise<readonly string[]> {
  const snapshot = await mailbox.sync();
  return Promise.all(uidsOf(snapshot).map((uid) => subjectOf(mailbox, uid)));
}

/** A code for what was thrown: of a `StoreError`, or the text of anything else. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "resolved";
  } catch (cause) {
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  }
}

/** Waits for the next call of a listener. */
export function nextChange(mailbox: Mailbox): { readonly told: Promise<void>; stop(): void } {
  let stop = () => {};
  const told = new Promise<void>((resolve) => {
    stop = mailbox.onChange(resolve);
  });
  return { told, stop: () => stop() };
}
