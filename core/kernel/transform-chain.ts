/**
 * Transform: each plugin sees what the former made. Labels are set at once, changes of header and body are made between two
 * plugins, the others are given back for the envelope. A fault ends the chain: the message is not to be used then.
 */
import type { Envelope, Message } from "../contracts/envelope.ts";
import type { TransformHooks } from "../contracts/hooks.ts";
import type { Intake } from "../contracts/submit.ts";
import type { Amend, Change, Defer } from "../contracts/verdicts.ts";
import { Audience, ending } from "./chain.ts";
import { answerFault, faultAnswer } from "./fault.ts";
import { ask } from "./guard.ts";
import { hookTable } from "./hook-table.ts";
import { type HandOn, halted, waterfall } from "./hooks.ts";
import { setAtOnce } from "./labels.ts";
import { applyToMessage, isMessageChange } from "./message-changes.ts";
import type { Tap } from "./tap.ts";
import type { Verdict } from "./verdict-check.ts";

interface Asking {
  readonly envelope: Envelope;
  last: Message;
  fault: Defer | null;
  by: string | null;
  readonly changes: Change[];
}

export interface Transformed {
  readonly message: Message;
  readonly fault: Defer | null;
  readonly by: string | null;
  /** Those that concern the envelope; the others are made already. */
  readonly changes: readonly Change[];
}

export class TransformChain {
  readonly #hook: keyof TransformHooks;
  readonly #audience: Audience;
  readonly #waterfall;
  readonly #receive: () => Intake;
  #isEmpty = true;

  constructor(hook: keyof TransformHooks, receive: () => Intake) {
    this.#hook = hook;
    this.#receive = receive;
    this.#audience = new Audience(hookTable[hook]);
    this.#waterfall = waterfall<Message, Asking>(hook);
  }

  add(tap: Tap): void {
    this.#isEmpty = false;
    this.#audience.admit(tap);
    this.#waterfall.add(tap.entry.id, (message, asking, handOn) => {
      const args = [asking.envelope, message];
      if (!this.#audience.includes(tap, args)) {
        handOn(null, message);
        return;
      }
      const verdict = ask(tap, args);
      const take = (given: Verdict) => this.#take({ tap, asking, message, handOn }, given);
      if (verdict instanceof Promise) verdict.then(take);
      else take(verdict);
    });
  }

  ask(envelope: Envelope, message: Message): Transformed | Promise<Transformed> {
    if (this.#isEmpty) return { message, fault: null, by: null, changes: [] };
    const asking: Asking = { envelope, last: message, fault: null, by: null, changes: [] };
    return ending(
      (ended) =>
        this.#waterfall.run(message, asking, (last) => {
          asking.last = last;
          ended();
        }),
      () => ({ message: asking.last, fault: asking.fault, by: asking.by, changes: asking.changes }),
    );
  }

  #take(step: Step, verdict: Verdict): void {
    if (verdict.verdict === "proceed") step.handOn(null, step.message);
    else if (verdict.verdict === "amend") this.#amend(step, verdict);
    else halt(step, faultAnswer(this.#hook));
  }

  #amend(step: Step, { changes }: Amend): void {
    const { tap, asking, message, handOn } = step;
    const made = (edited: Message) => {
      setAtOnce([asking.envelope], changes, tap.entry.id);
      asking.changes.push(...changes.filter((change) => change.op !== "label" && !isMessageChange(change)));
      handOn(null, edited);
    };
    const failed = (cause: unknown) => {
      answerFault(tap, [asking.envelope, message], "effect", cause);
      halt(step, faultAnswer(this.#hook));
    };
    if (!changes.some(isMessageChange)) {
      made(message);
      return;
    }
    let edited: Message | Promise<Message>;
    try {
      edited = applyToMessage(message, changes, this.#receive);
    } catch (cause) {
      failed(cause);
      return;
    }
    if (edited instanceof Promise) edited.then(made, failed);
    else made(edited);
  }
}

interface Step {
  readonly tap: Tap;
  readonly asking: Asking;
  readonly message: Message;
  readonly handOn: HandOn<Message>;
}

function halt({ tap, asking, handOn }: Step, fault: Defer): void {
  asking.fault = fault;
  asking.by = tap.entry.id;
  handOn(halted);
}
