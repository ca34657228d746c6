/** What fuzzers begin with: transcripts of sessions as octets on the wire, and messages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const ESCAPES: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", "0": "\0", "\\": "\\" };

/** What the clients of a transcript send, one after the other. */
function sentIn(transcript: string): string {
  let octets = "";
  for (const line of transcript.split("\n")) {
    const step = /^\s*C(-?)\d*:(?: (.*)|$)/.exec(line);
    if (step === null) continue;
    const text = step[2] ?? "";
    octets += step[1] === "-" ? text.replace(/\\(.)/g, (_, code: string) => ESCAPES[code] ?? code) : `${text}\r\n`;
  }
  return octets;
}

const filesIn = (directory: string, ending: string): Buffer[] =>
  readdirSync(directory)
    .filter((file) => file.endsWith(ending))
    .sort()
    .map((file) => readFileSync(join(directory, file)));

const sessionsIn = (path: string, ending: string): readonly Buffer[] =>
  filesIn(folder(path), ending).map((transcript) => Buffer.from(sentIn(transcript.toString("utf8")), "utf8"));

const withCrlf = (octets: Buffer): Buffer =>
  Buffer.from(octets.toString("latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1");

/** SMTP sessions, the client's side. */
export const sessions: readonly Buffer[] = sessionsIn("../../core/smtp/transcripts", ".smtp");

/** POP3 sessions, the client's side. */
export const pop3Sessions: readonly Buffer[] = sessionsIn("../../plugins/access-pop3/transcripts", ".pop3");

/** IMAP sessions, the client's side. */
export const imapSessions: readonly Buffer[] = sessionsIn("../../plugins/access-imap/transcripts", ".imap");

/** Messages with CRLF line ends, well-formed and not. */
export const messages: readonly Buffer[] = [
  ...filesIn(folder("../../core/mail/structure/fixtures"), ".eml"),
  ...filesIn(folder("corpus"), ".eml"),
].map(withCrlf);
