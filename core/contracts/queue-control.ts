/** What others may ask of the queue: ETRN now, `postern queue` and the administrator's page later. */
import { defineService } from "./service.ts";

export interface QueueControl {
  /** Tries again at once what waits for this domain or, with a leading dot, for its subdomains (RFC 1985 5.3). Resolves with the number of recipients. */
  flush(domain: string): Promise<number>;
}
export const QueueControl = defineService<QueueControl>("postern/queue-control@1");
