/** What others may ask of the queue: clients by ETRN, and administrators by `postern queue`. */
import { defineService } from "./service.ts";

/** What a queue run has found. */
export interface Flushed {
  readonly recipients: number;
  /** Whether that is all: other workers have queues of their own, and were told. */
  readonly isWhole: boolean;
}

export interface QueueControl {
  /** Tries again at once what waits for this domain or, with a leading dot, for it and its subdomains (RFC 1985 5.3). */
  flush(domain: string): Promise<Flushed>;
}
export const QueueControl = defineService<QueueControl>("postern/queue-control@1");
