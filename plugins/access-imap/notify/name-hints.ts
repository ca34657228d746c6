/**
 * Hints that names, subscriptions, rights or annotations of mailboxes may have changed, between the IMAP sessions of all workers. Lossy,
 * as `Notifier` is: whoever listens also looks from time to time.
 */
import type { Notifier } from "postern/plugin";

export interface NameHints {
  publish(): void;
  /** Answers how to stop. */
  subscribe(listener: () => void): () => void;
}

const topic = "imap:names";

/** Commands that may change what other sessions see in their lists. */
export const changesNames: ReadonlySet<string> = new Set([
  ...["CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE"],
  ...["SETMETADATA", "SETACL", "DELETEACL"],
]);

export function nameHints(notifier: Notifier | undefined): NameHints {
  const listeners = new Set<() => void>();
  const tellAll = () => {
    for (const listener of listeners) listener();
  };
  let stop: (() => void) | null = null;
  return {
    publish() {
      tellAll();
      notifier?.publish(topic);
    },
    subscribe(listener) {
      listeners.add(listener);
      stop ??= notifier?.subscribe(topic, tellAll) ?? null;
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stop?.();
        stop = null;
      };
    },
  };
}
