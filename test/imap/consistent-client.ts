/**
 * A client that keeps count (RFC 3501 7.4, RFC 7162 6): it believes what it is told and nothing else, and throws when it is told something
 * that cannot be, a number with another message's UID above all.
 */
import { RawClient } from "./raw-client.ts";

interface Known {
  uid: number | null;
  flags: string | null;
}

export type Speaks = "plain" | "condstore" | "qresync";

export const sorted = (flags: string): string =>
  flags
    .split(" ")
    .filter((flag) => flag !== "" && flag !== "\\Recent")
    .sort()
    .join(" ");

export class ConsistentClient {
  readonly #port: number;
  readonly mailbox: string;
  readonly speaks: Speaks;
  #client: RawClient | null = null;
  /** By sequence number, from 0 on. */
  messages: Known[] = [];
  /** What a client that comes back has kept: UID and flags. */
  #cache = new Map<number, string>();
  #uidValidity = 0;
  #uidNext = 1;
  #highestModseq = 0;
  /** The greatest MODSEQ since the last tagged response. */
  #greatest = 0;
  #isTold = false;
  /** Messages whose flags came with the last command. */
  readonly #heard = new Set<Known>();

  constructor(port: number, mailbox: string, speaks: Speaks) {
    this.#port = port;
    this.mailbox = mailbox;
    this.speaks = speaks;
  }

  /** Selects; one that was here before takes up what it knows, if it speaks QRESYNC. */
  async open(): Promise<void> {
    this.#client?.destroy();
    this.#client = await RawClient.login(this.#port);
    this.messages = [];
    if (this.speaks === "qresync") await this.#client.ok("ENABLE QRESYNC");
    const isBack = this.speaks === "qresync" && this.#highestModseq > 0;
    const before = isBack ? `(QRESYNC (${this.#uidValidity} ${this.#highestModseq}))` : "";
    const parameter = this.speaks === "condstore" ? "(CONDSTORE)" : before;
    if (!isBack) this.#cache.clear();
    await this.run(`SELECT ${this.mailbox} ${parameter}`.trim());
    if (!isBack) await this.learn();
  }

  close(): void {
    this.#client?.destroy();
  }

  get uids(): number[] {
    return this.messages.map(({ uid }) => uid ?? 0);
  }

  /** UIDs and flags of a client that has come back, before it fetches anything. */
  get cached(): [number, string][] {
    return [...this.#cache].sort(([a], [b]) => a - b);
  }

  async run(command: string, literal?: Uint8Array): Promise<string> {
    if (!this.#client) throw new Error("not open");
    const responses = await this.#client.command(command, literal);
    const tagged = responses.pop() ?? "";
    this.#isTold = false;
    this.#greatest = 0;
    this.#heard.clear();
    for (const response of responses) this.#hear(response, command);
    this.#hearCode(tagged);
    // RFC 7162 6: the code counts even if greater ones were seen; else the greatest of all.
    if (!this.#isTold && this.#greatest > this.#highestModseq) this.#highestModseq = this.#greatest;
    return tagged;
  }

  /** Asks for UID and flags of what it does not know yet, until there is nothing of the kind. */
  async learn(): Promise<void> {
    for (;;) {
      const first = this.messages.findIndex(({ uid, flags }) => uid === null || flags === null);
      if (first === -1) return;
      const last = this.messages.length;
      await this.run(`FETCH ${first + 1}:${last} (UID FLAGS)`);
      if (this.messages.slice(0, last).some(({ uid }) => uid === null)) throw new Error("messages without a UID");
    }
  }

  /** RFC 3501 6.4.6: what a client works out for itself after .SILENT, where the server did not contradict. */
  imagine(
    indexes: readonly number[],
    { mode, flags }: { readonly mode: string; readonly flags: readonly string[] },
  ): void {
    for (const index of indexes) {
      const message = this.messages[index];
      if (!message || message.flags === null || this.#heard.has(message)) continue;
      const now = new Set(mode === "" ? [] : message.flags.split(" "));
      for (const flag of flags) {
        if (mode === "-") now.delete(flag);
        else now.add(flag);
      }
      message.flags = sorted([...now].join(" "));
      if (message.uid !== null) this.#cache.set(message.uid, message.flags);
    }
  }

  #hear(response: string, command: string): void {
    this.#hearCode(response.slice(2));
    const [, number, word] = /^\* (\d+) ([A-Z]+)/.exec(response) ?? [];
    if (word === "EXISTS") this.#exists(Number(number));
    else if (word === "EXPUNGE") {
      if (this.speaks === "qresync") throw new Error("EXPUNGE instead of VANISHED");
      if (/^(FETCH|STORE|SEARCH) /.test(command)) throw new Error(`EXPUNGE in ${command}`);
      this.#remove(Number(number) - 1);
    } else if (word === "FETCH") this.#fetched(Number(number) - 1, response);
    else if (response.startsWith("* VANISHED")) this.#vanished(response, command);
  }

  #hearCode(response: string): void {
    const [, word, value] = /^OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]/.exec(response) ?? [];
    if (word === "UIDVALIDITY") this.#uidValidity = Number(value);
    else if (word === "UIDNEXT") this.#uidNext = Number(value);
    else if (word === "HIGHESTMODSEQ") {
      this.#highestModseq = Number(value);
      this.#isTold = true;
    }
  }

  #exists(count: number): void {
    if (count < this.messages.length) throw new Error(`EXISTS ${count} of ${this.messages.length} messages`);
    while (this.messages.length < count) this.messages.push({ uid: null, flags: null });
  }

  #remove(index: number): void {
    const [gone] = this.messages.splice(index, 1);
    if (!gone) throw new Error(`no message ${index + 1} to expunge`);
    if (gone.uid !== null) this.#cache.delete(gone.uid);
  }

  #vanished(response: string, command: string): void {
    const isEarlier = response.startsWith("* VANISHED (EARLIER) ");
    const uids = uidsIn(response.slice(response.lastIndexOf(" ") + 1));
    if (isEarlier) {
      for (const uid of uids) this.#cache.delete(uid);
      return;
    }
    if (/^(FETCH|STORE|SEARCH) /.test(command)) throw new Error(`VANISHED in ${command}`);
    for (const uid of uids) {
      const index = this.messages.findIndex((message) => message.uid === uid);
      // RFC 7162 3.2.10.2: only what the client has been told of. One whose UID it has not asked for it finds by the UIDs around it.
      const place = index === -1 ? this.#placeOf(uid) : index;
      this.#remove(place);
    }
  }

  #placeOf(uid: number): number {
    const after = this.messages.findIndex((message) => message.uid !== null && message.uid > uid);
    const place = (after === -1 ? this.messages.length : after) - 1;
    if (this.messages[place]?.uid !== null) throw new Error(`VANISHED ${uid}, which nobody has told of`);
    return place;
  }

  #fetched(index: number, response: string): void {
    const message = this.messages[index];
    if (!message) throw new Error(`FETCH of ${index + 1}, of ${this.messages.length} messages`);
    const uid = Number(/UID (\d+)/.exec(response)?.[1] ?? 0);
    const flags = /FLAGS \(([^)]*)\)/.exec(response)?.[1];
    const modseq = Number(/MODSEQ \((\d+)\)/.exec(response)?.[1] ?? 0);
    if (uid > 0 && message.uid !== null && message.uid !== uid)
      throw new Error(`message ${index + 1} is ${message.uid}, not ${uid}`);
    if (uid > 0) message.uid = uid;
    if (flags !== undefined) {
      message.flags = sorted(flags);
      this.#heard.add(message);
    }
    if (message.uid !== null && message.flags !== null) this.#cache.set(message.uid, message.flags);
    this.#greatest = Math.max(this.#greatest, modseq);
    this.#uidNext = Math.max(this.#uidNext, uid + 1);
  }
}

function uidsIn(set: string): number[] {
  return set.split(",").flatMap((piece) => {
    const [first = 0, last = first] = piece.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
