/** What an administrator may do to mail that waits. */

/**
 * `unchanged`: it was so already. `held`: it would have to be released first. `unknown`: no such message waits here, or not any more.
 */
export type Changed = "changed" | "unchanged" | "held" | "unknown";

/**
 * Each is durable when it resolves, may be said again without harm, and waits for the end
 * of a try that is under way; what of that try has not begun does not begin. Rejects where it could not be done.
 */
export interface QueueActions {
  /** It waits for an administrator, and does not expire. */
  hold(id: string, reason?: string): Promise<Changed>;
  /** A held message is due at once. */
  release(id: string): Promise<Changed>;
  /** What waits for its time is due at once, and destinations that are left alone get another chance. */
  retry(id: string): Promise<Changed>;
  /** It is deleted. Nobody is told. */
  remove(id: string): Promise<Changed>;
  /** Who has not got it does not get it, and its sender is told so. */
  bounce(id: string, text?: string): Promise<Changed>;
  /**
   * As if it had just been accepted: released if it was held, due at once, routed anew, counted from the first try. Its recipients stay
   * as aliases made them, who has it does not get it again, and its age counts from when it came.
   */
  requeue(id: string): Promise<Changed>;
  /** Everything that waits for its time is tried now. Resolves with how many messages, when each of them is due. */
  flush(): Promise<number>;
  /** What is being done about a message; `null`: nothing, it waits for its time or for an administrator. */
  stateOf(id: string): "active" | "ready" | null;
}
