/**
 * The embedded `Notifier`: hints within this process, and through the primary to the other workers, where many go together and one
 * of a kind is enough. Nothing is kept and nothing is promised: whoever listens also looks by itself now and then.
 */
import type { Notifier } from "../contracts/notifier.ts";

export interface NotifierLink {
  /** Hands hints to the other workers. */
  send(topics: readonly string[]): void;
}

/** How long a hint for other workers waits for others; one for this worker does not. */
const GATHER_MS = 5;
/** Hints held for other workers: with more of them they go at once. */
const HELD_LIMIT = 1_000;

export interface LocalNotifier extends Notifier {
  /** A hint that came from another worker. */
  receive(topic: string): void;
}

export function createNotifier(link: NotifierLink | null): LocalNotifier {
  const listeners = new Map<string, Set<() => void>>();
  const held = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  const tell = (topic: string) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };
  const send = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    link?.send([...held]);
    held.clear();
  };
  return {
    publish(topic) {
      tell(topic);
      if (link === null) return;
      held.add(topic);
      if (held.size >= HELD_LIMIT) send();
      else timer ??= setTimeout(send, GATHER_MS).unref();
    },
    subscribe(topic, listener) {
      const ofTopic = listeners.get(topic) ?? new Set();
      listeners.set(topic, ofTopic.add(listener));
      return () => {
        ofTopic.delete(listener);
        if (ofTopic.size === 0) listeners.delete(topic);
      };
    },
    receive: tell,
  };
}
