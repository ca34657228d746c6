/**
 * Picks up what local programs have left, when the directory tells of it and every minute, also what came while the server was down. One
 * process does it (the worker of the first spool). A file is taken out of its writer's reach first, gets the id of its message into its
 * name before the queue gets the message, and is removed in the turn in which the queue has it: after kill -9 the spool says whether
 * it had. Never throws; what cannot be done is logged and tried again. What is no message is set aside, never deleted.
 */
import { randomBytes } from "node:crypto";
import { type FSWatcher, renameSync, unlinkSync, watch } from "node:fs";
import { rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import { type Alarm, timerAlarm } from "../queue/alarm.ts";
import { realFiles } from "../spool/files.ts";
import { type Candidate, findCandidates } from "./candidates.ts";
import type { LeftRecipient } from "./format.ts";
import { type HandedOver, type HandOverRoom, handOver } from "./hand-over.ts";
import { Damaged, LeftFile } from "./left-file.ts";
import type { MaildropPlaces } from "./places.ts";
import { type TakenFile, Waiting } from "./waiting.ts";

export interface PickupRoom extends HandOverRoom {
  readonly places: MaildropPlaces;
  readonly clock: Clock;
  readonly alarm?: Alarm;
  /** After that, a refusal that may pass is one for good. */
  readonly expiryMs: number;
  /** Those recipients of an earlier hand-over that the spool has not got; `null`: it never had the message, so nobody has. */
  readonly missingAfter: (id: string) => Promise<((recipient: LeftRecipient) => boolean) | null>;
}

/** Where notices of the directory get lost (some network file systems), mail waits for so long. */
const LOOK_EVERY_MS = 60_000;
const TIDY_EVERY_MS = 60 * 60_000;
/** Nobody writes one message for so long. */
const ABANDONED_MS = 24 * 60 * 60_000;
const FOUND_LIMIT = 2_000;
const AT_ONCE = 8;
const IGNORED_LIMIT = 1_000;

const done: HandedOver = { at: "done" };
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Pickup {
  readonly #room: PickupRoom;
  readonly #alarm: Alarm;
  readonly #waiting: Waiting;
  /** What can be neither taken nor moved away. */
  readonly #ignored = new Set<string>();
  #gid = -1;
  #watcher: FSWatcher | null = null;
  #running: Promise<void> | null = null;
  /** By the name of a file whose hand-over is in doubt: who is missing of its recipients; `null`: all of them. */
  readonly #missing = new Map<string, ((recipient: LeftRecipient) => boolean) | null>();
  #isRecalled = false;
  #isAskedAgain = false;
  #isStopped = false;
  #tidiedAt = Number.NEGATIVE_INFINITY;
  #callOff: () => void = () => {};

  constructor(room: PickupRoom) {
    this.#room = room;
    this.#alarm = room.alarm ?? timerAlarm;
    this.#waiting = new Waiting(room.clock);
  }

  /**
   * What an earlier process was at. To be called before the queue delivers anything: the spool forgets what is delivered, and then cannot say
   * any more that it had got a message.
   */
  async recall(): Promise<void> {
    const { places, log, missingAfter } = this.#room;
    this.#isRecalled = true;
    for await (const names of realFiles.nameChunks(places.taken)) {
      for (const name of names) {
        this.#waiting.add({ name, uid: null, isTold: false, isQueued: false }, 0);
        const [, id] = name.split("+");
        if (id === undefined) continue;
        try {
          this.#missing.set(name, await missingAfter(id));
        } catch (error) {
          log.error({ err: error, file: name }, "what became of local mail cannot be told now");
        }
      }
    }
  }

  /** Resolves when it looks; what was left before is picked up from then on. */
  async start(): Promise<void> {
    const { places, log } = this.#room;
    this.#gid = (await stat(places.fresh)).gid;
    if (!this.#isRecalled) await this.recall();
    this.#watcher = watch(places.fresh, () => this.look());
    this.#watcher.on("error", (error) => log.warn({ err: error }, "the maildrop is looked at every minute only"));
    this.look();
  }

  /** There may be something. */
  look(): void {
    if (this.#isStopped) return;
    if (this.#running !== null) {
      this.#isAskedAgain = true;
      return;
    }
    this.#callOff();
    this.#running = this.#run()
      .catch((error: unknown) => this.#room.log.error({ err: error }, "local mail cannot be picked up now"))
      .finally(() => {
        this.#running = null;
        if (this.#isStopped) return;
        const pauseMs = this.#isAskedAgain ? 0 : Math.min(LOOK_EVERY_MS, this.#waiting.nextInMs());
        this.#isAskedAgain = false;
        if (pauseMs === 0) setImmediate(() => this.look());
        else this.#callOff = this.#alarm(pauseMs, () => this.look());
      });
  }

  /** Begins nothing more; resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watcher?.close();
    this.#callOff();
    await this.#running;
  }

  async #run(): Promise<void> {
    await this.#each(this.#waiting.takeDue(), (file) => this.#process(file));
    const { clock, log } = this.#room;
    const nowMs = clock.now();
    const tidies = nowMs - this.#tidiedAt >= TIDY_EVERY_MS;
    if (tidies) this.#tidiedAt = nowMs;
    const { found, isCut, directories } = await findCandidates(this.#room.places.fresh, {
      limit: FOUND_LIMIT,
      isPutOff: (uid) => this.#waiting.isFull(uid),
      isIgnored: (name) => this.#ignored.has(name),
      abandonedBefore: tidies ? nowMs - ABANDONED_MS : null,
    });
    if (tidies && directories > 0) log.warn({ directories }, "there are directories in the maildrop: they are no mail");
    if (isCut) this.#isAskedAgain = true;
    await this.#each(found, async (candidate) => {
      const file = this.#waiting.isFull(candidate.uid) ? null : await this.#take(candidate);
      if (file !== null) await this.#process(file);
    });
  }

  async #each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
    let next = 0;
    const work = async () => {
      for (let item = items[next++]; item !== undefined && !this.#isStopped; item = items[next++]) await act(item);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  }

  /** Out of everybody's reach, under a name of ours. */
  async #take({ name, uid, isFile }: Candidate): Promise<TakenFile | null> {
    const { places, log, clock } = this.#room;
    const own = `${uid}.${clock.now().toString(36)}.${randomBytes(9).toString("base64url")}`;
    try {
      await rename(join(places.fresh, name), join(isFile ? places.taken : places.damaged, own));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Its owner took it back.
      if (code === "ENOENT") return null;
      if (this.#ignored.size >= IGNORED_LIMIT) this.#ignored.clear();
      this.#ignored.add(name);
      log.warn({ uid, file: name, code }, "something in the maildrop can be neither taken nor moved away");
      return null;
    }
    if (isFile) return { name: own, uid, isTold: false, isQueued: false };
    log.warn({ uid, file: own, cause: "not a regular file" }, "something in the maildrop was set aside as damaged");
    return null;
  }

  async #process(given: TakenFile): Promise<void> {
    const { log } = this.#room;
    // Renamed on its way: whatever happens, its name is known.
    const task = { ...given };
    try {
      const result = await this.#handOver(task);
      if (result.at === "aside") await this.#setAside(task, result.cause);
      if (result.at !== "later") return;
      log.info({ uid: task.uid, file: task.name, cause: result.cause }, "local mail is put off");
      this.#waiting.putOff({ ...task, isTold: task.isTold || result.isTold });
    } catch (error) {
      if (error instanceof Damaged) await this.#setAside(task, error.message);
      else if ((error as NodeJS.ErrnoException).code === "ENOENT") log.warn({ file: task.name }, "local mail has gone");
      else {
        log.error({ err: error, file: task.name }, "local mail cannot be picked up now");
        this.#waiting.putOff(task);
      }
    }
  }

  async #handOver(task: Mutable<TakenFile>): Promise<HandedOver> {
    const { places, limits, clock, log, expiryMs } = this.#room;
    const path = () => join(places.taken, task.name);
    if (task.isQueued) {
      await unlink(path());
      return done;
    }
    const [stem = task.name, formerId] = task.name.split("+");
    const file = await LeftFile.open(path(), { gid: this.#gid, sizeLimitBytes: limits.messageSizeBytes });
    try {
      // Only what an earlier process began is in doubt: of our own tries we know how they ended.
      const only = formerId !== undefined && task.uid === null ? await this.#missingOf(task.name, formerId) : null;
      task.uid = file.uid;
      if (only !== null && !file.envelope.recipients.some(only)) {
        await unlink(path());
        return done;
      }
      let id: string | null = null;
      const result = await handOver(this.#room, {
        ...{ file, only, isTold: task.isTold, isTooOld: clock.now() - file.writtenAt > expiryMs },
        begin: (given) => {
          id = given;
          renameSync(path(), join(places.taken, `${stem}+${given}`));
          task.name = `${stem}+${given}`;
        },
        end: () => {
          task.isQueued = true;
          unlinkSync(path());
        },
      });
      if (result.at === "done")
        log.info({ id, uid: file.uid, file: stem, sizeBytes: file.envelope.sizeBytes }, "picked up");
      return result;
    } finally {
      await file.close();
    }
  }

  async #missingOf(name: string, id: string) {
    const known = this.#missing.get(name);
    this.#missing.delete(name);
    return known === undefined ? await this.#room.missingAfter(id) : known;
  }

  async #setAside({ name, uid }: TakenFile, cause: string): Promise<void> {
    const { places, log } = this.#room;
    try {
      await rename(join(places.taken, name), join(places.damaged, name));
      log.warn({ uid, file: name, cause }, "something in the maildrop was set aside as damaged");
    } catch (error) {
      log.error({ err: error, uid, file: name }, "something in the maildrop could not be set aside");
    }
  }
}
