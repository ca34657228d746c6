/** What threading has to know of a message, out of its overview. */
import { casemap, type MessageOverview, messageIds } from "postern/mail";
import { baseSubject } from "./base-subject.ts";
import type { Hit } from "./search.ts";
import type { ThreadedMessage } from "./thread-tree.ts";

export function threadedMessage(
  { number, entry }: Hit,
  { envelope, sentDate, references }: MessageOverview,
  isUid: boolean,
): ThreadedMessage {
  const { text, isReplyOrForward } = baseSubject(envelope.subject);
  const [messageId = null] = messageIds(envelope.messageId ?? "", 1);
  return {
    number,
    shown: isUid ? entry.uid : number,
    // RFC 5256 2.2
    sentDate: sentDate ?? entry.internalDate,
    internalDate: entry.internalDate,
    messageId: messageId === null ? null : normalized(messageId),
    references: references.map(normalized),
    subject: casemap(text),
    isReplyOrForward,
  };
}

/** RFC 5256 3: `<"a"@b>` is `<a@b>`. */
const normalized = (id: string): string =>
  id.startsWith('"') ? id.replace(/^"((?:[^"\\]|\\.)*)"/, (_, text: string) => text.replace(/\\(.)/g, "$1")) : id;
