/** What was promised about each message, and when: kept beside a recording, compared with what a spool tells after a crash. */
import type { SpoolOutcome } from "../../../core/contracts/spool.ts";

interface Span {
  readonly begun: number;
  /** `Infinity`: not yet. */
  ended: number;
  isConfirmed: boolean;
}

interface Told<T> extends Span {
  readonly value: T;
}

export interface MessagePromises {
  readonly id: string;
  readonly text: string;
  readonly recipients: number;
  readonly accepted: Span;
  readonly settled: Map<number, Told<SpoolOutcome>[]>;
  readonly held: Told<string | null>[];
  removed: Span | null;
}

export class SpoolPromises {
  readonly messages = new Map<string, MessagePromises>();
  readonly #mark: () => number;
  readonly #ends: number[] = [];

  constructor(mark: () => number) {
    this.#mark = mark;
  }

  async accept(
    about: { readonly id: string; readonly text: string; readonly recipients: number },
    work: () => Promise<void>,
  ) {
    const accepted = this.#begin();
    this.messages.set(about.id, { ...about, accepted, settled: new Map(), held: [], removed: null });
    await this.#end(accepted, work);
  }

  async settle(id: string, recipient: number, outcome: SpoolOutcome, work: () => Promise<void>): Promise<void> {
    const message = this.messages.get(id);
    if (!message) throw new Error(`${id} was never accepted`);
    const told = { ...this.#begin(), value: outcome };
    const all = message.settled.get(recipient) ?? [];
    message.settled.set(recipient, all);
    all.push(told);
    await this.#end(told, work);
  }

  async hold(id: string, reason: string | null, work: () => Promise<void>): Promise<void> {
    const told = { ...this.#begin(), value: reason };
    this.messages.get(id)?.held.push(told);
    await this.#end(told, work);
  }

  async remove(id: string, work: () => Promise<void>): Promise<void> {
    const removed = this.#begin();
    const message = this.messages.get(id);
    if (message) message.removed = removed;
    await this.#end(removed, work);
  }

  #begin(): Span {
    return { begun: this.#mark(), ended: Number.POSITIVE_INFINITY, isConfirmed: false };
  }

  async #end(span: Span, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      span.isConfirmed = true;
    } finally {
      span.ended = this.#mark();
    }
  }

  /** The message must be there. */
  mustExist({ accepted, removed }: MessagePromises, at: number): boolean {
    return accepted.isConfirmed && accepted.ended <= at && !(removed && removed.begun <= at);
  }

  /** Those of which nobody need be told after a start. */
  perhapsHeld(at: number): readonly string[] {
    return [...this.messages.values()]
      .filter((message) => this.mustExist(message, at) || message.held.some(({ begun }) => begun <= at))
      .map(({ id }) => id);
  }

  /** The spool has been closed: what could not be written by then never will be. */
  ended(): void {
    this.#ends.push(this.#mark());
  }

  /** It was rejected, and something that was asked for afterwards is on disk: so is what declares it void. */
  mustNotExist({ accepted }: MessagePromises, now: number): boolean {
    if (accepted.isConfirmed || accepted.ended > now) return false;
    const at = Math.min(now, this.#ends.find((end) => end > accepted.ended) ?? now);
    return [...this.messages.values()].some((other) =>
      [other.accepted, ...[...other.settled.values()].flat()].some(
        (later) => later.begun > accepted.ended && later.isConfirmed && later.ended <= at,
      ),
    );
  }
}

/** What may be read at a moment: the last that was confirmed, or any that was asked for since. `null`: nothing need be. */
export function possible<T>(
  told: readonly Told<T>[],
  at: number,
): { readonly values: readonly T[]; readonly isCertain: boolean } {
  const begun = told.filter((one) => one.begun <= at);
  const last = begun.findLastIndex((one) => one.isConfirmed && one.ended <= at);
  return { values: begun.slice(Math.max(last, 0)).map(({ value }) => value), isCertain: last >= 0 };
}
