/** Hints between sessions and workers: "look again". Lossy by contract; whoever listens also checks by itself. */
import { defineService } from "./service.ts";

export interface Notifier {
  publish(topic: string): void;
  /** Returns how to stop. */
  subscribe(topic: string, listener: () => void): () => void;
}
export const Notifier = defineService<Notifier>("postern/notifier@1");
