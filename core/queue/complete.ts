/** What a message that starts its way here may lack (RFC 6409 8): Date, Message-ID, From. Nothing that is there is touched. */
import type { Envelope, Message } from "../contracts/envelope.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Change } from "../contracts/verdicts.ts";
import { formatDate } from "../mail/date.ts";

export function completion(envelope: Envelope, message: Message, facts: ServerFacts, nowMs: number): readonly Change[] {
  const changes: Change[] = [];
  const { headers } = message;
  // RFC 6409 8.2
  if (headers.get("Date") === undefined) changes.push({ op: "append", header: "Date", value: formatDate(nowMs) });
  // RFC 6409 8.3
  if (headers.get("Message-ID") === undefined)
    changes.push({ op: "append", header: "Message-ID", value: `<${envelope.id}@${facts.hostname}>` });
  // RFC 5322 3.6: a message has an author. The null sender has none that could be named.
  if (headers.get("From") === undefined && envelope.reversePath !== null)
    changes.push({ op: "append", header: "From", value: `<${envelope.reversePath}>` });
  return changes;
}
