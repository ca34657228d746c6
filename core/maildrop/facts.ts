/**
 * What a program has to know that leaves mail for this server: a small file that anybody may read, as the config is not for everybody's
 * eyes. The server writes it at each start; it is replaced whole, so that nobody reads half of it.
 */
import { open, rename } from "node:fs/promises";
import { join } from "node:path";

export interface SendmailFacts {
  readonly format: 1;
  /** The directory that mail is left in. Absolute. */
  readonly maildrop: string;
  /** Where the queue is, for whoever may see it. Absolute. */
  readonly dataDir: string;
  /** Sockets that tell users of the queue. Absolute; `null`: users are not to see it. */
  readonly queue: string | null;
  /** Completes the user's name to a sender. */
  readonly origin: string;
  readonly hostname: string;
  readonly messageSizeBytes: number;
}

export const FACTS_FILE = "sendmail.json";

/** `null` for what is no such file, or one of another version. */
export function parseFacts(text: string): SendmailFacts | null {
  let facts: unknown;
  try {
    facts = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof facts !== "object" || facts === null) return null;
  const {
    format,
    maildrop,
    dataDir,
    queue = null,
    origin,
    hostname,
    messageSizeBytes,
  } = facts as Partial<Record<keyof SendmailFacts, unknown>>;
  if (typeof dataDir !== "string" || !dataDir.startsWith("/")) return null;
  // A server that does not know of it yet tells nobody.
  if (queue !== null && (typeof queue !== "string" || !queue.startsWith("/"))) return null;
  if (format !== 1 || typeof maildrop !== "string" || !maildrop.startsWith("/")) return null;
  if (typeof origin !== "string" || typeof hostname !== "string" || typeof messageSizeBytes !== "number") return null;
  return { format, maildrop, dataDir, queue, origin, hostname, messageSizeBytes };
}

export async function writeFacts(dataDir: string, facts: SendmailFacts): Promise<void> {
  const path = join(dataDir, FACTS_FILE);
  const file = await open(`${path}.new`, "w", 0o644);
  try {
    // The mask of whoever started the server is none of its readers' business.
    await file.chmod(0o644);
    await file.writeFile(`${JSON.stringify(facts, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
