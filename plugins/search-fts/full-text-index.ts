/** The service `FullText`: indexes of mailboxes, each held by as many sessions as look into it. Nothing rejects or throws. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Clock, FullText, FullTextMailbox, FullTextQuery, KeyValue, Log, RuledOut } from "postern/plugin";
import { Follower } from "./follower.ts";
import { MailboxFiles } from "./mailbox-files.ts";
import { Room } from "./room.ts";
import { placesOf } from "./trigrams.ts";

export interface FullTextParts {
  /** Absolute. */
  readonly directory: string;
  readonly ceilingBytes: number;
  /** Begin with the first search, or as soon as somebody opens the mailbox. */
  readonly beginsWith: "search" | "select";
  readonly keyValue: KeyValue;
  readonly log: Log;
  readonly clock: Clock;
}

/** What is under way is a message at most. */
const patienceMs = 5000;

interface Held {
  readonly files: MailboxFiles;
  readonly follower: Follower;
  holders: number;
}

type Owner = Parameters<FullText["open"]>[0];
type Place = Parameters<FullText["open"]>[1];

export class FullTextIndex implements FullText {
  readonly #parts: FullTextParts;
  readonly #room: Room;
  readonly #held = new Map<string, Held>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(parts: FullTextParts) {
    this.#parts = parts;
    this.#room = new Room(parts.directory, parts.ceilingBytes, parts.log);
  }

  open(owner: Owner, mailbox: Place): FullTextMailbox {
    const key = createHash("sha256").update(`${owner.login}\0${mailbox.mailboxId}`).digest("hex").slice(0, 32);
    const held = this.#hold(key, owner, mailbox);
    if (this.#parts.beginsWith === "select" || held.files.exists) held.follower.start();
    let isOpen = true;
    return {
      ruleOut: async (queries) => {
        if (!isOpen) return queries.map(() => null);
        held.follower.start();
        return this.#ruleOut(held, queries);
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#release(key, held);
      },
    };
  }

  /** Resolves when nothing is under way any more; a store that does not answer is not waited for. */
  async stop(): Promise<void> {
    for (const [key, held] of this.#held) {
      held.holders = 1;
      this.#release(key, held);
    }
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([Promise.all(this.#stopping), tooLong]);
    clearTimeout(timer);
  }

  #hold(key: string, { mailboxes }: Owner, { name, mailboxId }: Place): Held {
    const known = this.#held.get(key);
    if (known) {
      known.holders++;
      return known;
    }
    const { directory, keyValue, log } = this.#parts;
    const files = new MailboxFiles(join(directory, key));
    const hasRoom = () => this.#room.hasRoom(key);
    const follower = new Follower({ mailboxes, name, mailboxId }, { files, key, keyValue, log, hasRoom });
    const held: Held = { files, follower, holders: 1 };
    this.#held.set(key, held);
    return held;
  }

  #release(key: string, held: Held): void {
    if (--held.holders > 0) return;
    if (this.#held.get(key) === held) this.#held.delete(key);
    const stopped = held.follower.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }

  async #ruleOut({ files }: Held, queries: readonly FullTextQuery[]): Promise<readonly (RuledOut | null)[]> {
    const answers: (RuledOut | null)[] = [];
    try {
      files.touch(new Date(this.#parts.clock.now()));
      for (const { needle } of queries) {
        const places = placesOf(needle);
        answers.push(places.length === 0 ? null : await files.without(places));
      }
      return answers;
    } catch (fault) {
      this.#parts.log.warn({ err: fault }, "full-text index cannot be read: searches read messages");
      return queries.map(() => null);
    }
  }
}
