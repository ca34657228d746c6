/**
 * The embedded `Notifier`: hints within this process, and through the primary to the other workers. Nothing is kept and
 * nothing is promised: whoever listens also looks by itself now and then.
 */
import type { Notifier } from "../contracts/notifier.ts";

export interface NotifierLink {
  /** Hands a hint to the other workers. */
  send(topic: string): void;
}

export interface LocalNotifier extends Notifier {
  /** A hint that came from another worker. */
  receive(topic: string): void;
}

export function createNotifier(link: NotifierLink | null): LocalNotifier {
  const listeners = new Map<string, Set<() => void>>();
  const tell = (topic: string) => {
    for (const listener of listeners.get(topic) ?? []) listener();
  };
  return {
    publish(topic) {
      tell(topic);
      link?.send(topic);
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
