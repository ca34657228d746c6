/** How the rooms of the core ask the plugins. Implemented by core/kernel; nothing here throws or rejects: a fault is a verdict. */
import type { Delivery } from "./delivery.ts";
import type { Envelope, Message } from "./envelope.ts";
import type { ClaimHooks, NoticeHooks, PolicyHooks, TransformHooks } from "./hooks.ts";
import type { Service } from "./service.ts";
import type { Connection } from "./session.ts";
import type { Allow, Amend, Change, Defer, Discard, Proceed, Quarantine, Reject } from "./verdicts.ts";

/** How a policy chain ended. Changes of `amend` answers are in the order given; labels among them are set already. */
export interface PolicyResult {
  readonly verdict: Proceed | Allow | Reject | Defer | Discard | Quarantine;
  /** Id of the config entry that decided; `null` if nobody objected. */
  readonly by: string | null;
  readonly changes: readonly Change[];
}

type Claimed<H extends keyof ClaimHooks> = Exclude<ReturnType<ClaimHooks[H]>, Proceed | Amend>;

/** `verdict: null`: nobody claimed it. */
export interface ClaimResult<H extends keyof ClaimHooks> {
  readonly verdict: Claimed<H> | Defer | null;
  readonly by: string | null;
}

export interface Kernel {
  policy<H extends keyof PolicyHooks>(
    hook: H,
    ...args: Parameters<PolicyHooks[H]>
  ): PolicyResult | Promise<PolicyResult>;
  claim<H extends keyof ClaimHooks>(
    hook: H,
    ...args: Parameters<ClaimHooks[H]>
  ): ClaimResult<H> | Promise<ClaimResult<H>>;
  /**
   * Each plugin sees what the former made. Changes of header and body are made when it resolves; `changes` has those that
   * concern the envelope. A fault in it is a `defer` in `fault`; the message is not to be used then.
   */
  transform<H extends keyof TransformHooks>(
    hook: H,
    envelope: Envelope,
    message: Message,
  ): Promise<{
    readonly message: Message;
    readonly fault: Defer | null;
    readonly by: string | null;
    readonly changes: readonly Change[];
  }>;
  /**
   * Offers the delivery to each plugin in order until all is settled; resolves when the last handler has ended. `offered` is told the id of the
   * plugin that has it next.
   */
  deliver(delivery: Delivery, offered?: (by: string) => void): Promise<void>;
  notice<H extends keyof NoticeHooks>(hook: H, ...args: Parameters<NoticeHooks[H]>): void;
  /** Whether any plugin listens to this hook at all (for this session's listener, if one is given). */
  hears(hook: keyof PolicyHooks | keyof ClaimHooks | keyof TransformHooks | keyof NoticeHooks): boolean;
  /** A service that a plugin or core provides; throws if nobody does. */
  service<T>(token: Service<T>): T;
  /** Listener roles that plugins serve. */
  readonly roles: ReadonlyMap<string, (connection: Connection) => void>;
}
