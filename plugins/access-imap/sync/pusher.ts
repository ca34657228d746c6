/**
 * Tells news by itself: during IDLE (RFC 2177), and between commands where the client has asked for that (RFC 5465). One look at a time;
 * hints that come meanwhile make one more. A slow client is not written to faster than it reads. A command waits until what is being told
 * has been told.
 */
import { tellNews } from "../news.ts";
import type { ImapSession } from "../session.ts";

export class Pusher {
  /** IDLE is in progress. */
  isIdling = false;
  readonly #session: ImapSession;
  #running: Promise<void> | null = null;
  #isHinted = false;
  #isAwaited = false;

  constructor(session: ImapSession) {
    this.#session = session;
  }

  get #mayPush(): boolean {
    const { hasSaidBye, notify, isBusy, state } = this.#session;
    if (state.at === "loggedOut") return false;
    return !hasSaidBye && !this.#isAwaited && (this.isIdling || (notify?.isOn === true && !isBusy));
  }

  /** Something may have changed. */
  hint(): void {
    this.#isHinted = true;
    this.start();
  }

  start(): void {
    if (this.#running || !this.#mayPush) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** After a command: what came meanwhile, or could not be told while it ran. */
  afterCommand(): void {
    const { state, notify } = this.#session;
    if (notify?.isOn !== true) return;
    if (this.#isHinted || (state.at === "selected" && state.selected.view.hasNews)) this.start();
  }

  /** Resolves when nothing is being told; nothing more is until then. `null`: nothing is. */
  settle(): Promise<void> | null {
    if (!this.#running) return null;
    this.#isAwaited = true;
    return this.#running.then(() => {
      this.#isAwaited = false;
    });
  }

  async #run(): Promise<void> {
    const session = this.#session;
    try {
      do {
        this.#isHinted = false;
        await this.#tell();
        await session.out.flush();
      } while (this.#isHinted && this.#mayPush);
    } catch (fault) {
      // The client has left; whoever reads from it finds out.
      const { closed, socket } = session.connection;
      if (!closed.aborted && socket.writable) session.log.error({ err: fault }, "cannot push news");
    }
  }

  async #tell(): Promise<void> {
    const session = this.#session;
    const { state, notify, out } = session;
    // RFC 5465 4: during IDLE, too, only what was asked for.
    if (state.at === "selected" && (notify === null || notify.selected)) {
      const { selected } = state;
      // RFC 5465 6.1.2
      const mayExpunge = this.isIdling || notify?.selected?.isDelayed === false;
      await tellNews(session, selected, { syncs: true, mayExpunge, isAsked: false });
      const modseq = selected.takeModseqNews();
      // RFC 7162 6: what the client may come back with.
      if (modseq !== null) out.line(`* OK [HIGHESTMODSEQ ${modseq}] Highest`);
    }
    if (notify) await notify.tell();
  }
}
