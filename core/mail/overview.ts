/** What lists of messages show of each: IMAP ENVELOPE and PREVIEW, SORT and THREAD, a webmail's list. Plain JSON values. */
import type { MessageEnvelope } from "./structure/envelope.ts";

export interface MessageOverview {
  readonly envelope: MessageEnvelope;
  /** The `Date` field, in milliseconds since 1970; `null` where there is none that can be read (SORT DATE: RFC 5256 2.2). */
  readonly sentDate: number | null;
  /** Ids of the messages that it follows, the oldest first, without brackets (RFC 5256 3, REFERENCES); the last ones, if there are too
   * many. */
  readonly references: readonly string[];
}

/** What takes more than the header to find out, and is asked for by few. */
export interface MessageGist {
  /** The beginning of its text for people (RFC 8970): at most 200 characters, one line, no control characters. Empty where it has
   * none. */
  readonly preview: string;
  /** RFC 8474 5.1: the same for the same octets with the same internal date, also after COPY and MOVE. */
  readonly emailId: string;
  /** RFC 8474 5.2: the same for all that follow one message. */
  readonly threadId: string;
}
