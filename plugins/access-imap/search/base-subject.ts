/** The base subject of a message (RFC 5256 2.1), by which answers and forwards are known to belong to what they answer. */
import { decodeEncodedWords } from "postern/mail";

export interface BaseSubject {
  /** In the case of the message. */
  readonly text: string;
  /** Something was removed that says so: `Re:`, `Fwd:`, `(fwd)`, `[Fwd: ...]`. */
  readonly isReplyOrForward: boolean;
}

/** What is longer is cut: no honest subject comes near. */
const maxLength = 8192;

const blobs = /(?:\[[^[\]]*\][ \t]*)*/y;
const reOrForward = /(?:re|fwd?)[ \t]*(?:\[[^[\]]*\][ \t]*)?:/iy;
const trailer = /(?:\(fwd\)|[ \t])$/i;

/** `subject` as it stands in the header. */
export function baseSubject(subject: string | null): BaseSubject {
  // (1) Encoded words decoded, blanks made one.
  let text = decodeEncodedWords((subject ?? "").slice(0, maxLength)).replace(/[ \t\r\n]+/g, " ");
  let isReplyOrForward = false;
  for (;;) {
    const stripped = withoutLeaders(withoutTrailers(text));
    isReplyOrForward ||= stripped.isReplyOrForward;
    text = stripped.text;
    // (6) `[fwd: ... ]`, and from (2) on again.
    if (!/^\[fwd:/i.test(text) || !text.endsWith("]")) return { text, isReplyOrForward };
    text = text.slice(5, -1);
    isReplyOrForward = true;
  }
}

/** (2) subj-trailer, as often as there is one. */
function withoutTrailers(subject: string): BaseSubject {
  let text = subject;
  let isReplyOrForward = false;
  for (let match = trailer.exec(text.slice(-5)); match; match = trailer.exec(text.slice(-5))) {
    isReplyOrForward ||= match[0].length > 1;
    text = text.slice(0, -match[0].length);
  }
  return { text, isReplyOrForward };
}

/** (3) to (5): subj-leader and subj-blob, as often as there are some. */
function withoutLeaders({ text, isReplyOrForward: already }: BaseSubject): BaseSubject {
  let at = 0;
  let isReplyOrForward = already;
  for (;;) {
    while (text[at] === " ") at++;
    const behindBlobs = endOf(blobs, text, at);
    const behindLeader = endOf(reOrForward, text, behindBlobs);
    if (behindLeader > behindBlobs) {
      isReplyOrForward = true;
      at = behindLeader;
      continue;
    }
    // (4) A blob goes only if it leaves something; there is no leader behind any of them.
    if (behindBlobs < text.length) return { text: text.slice(behindBlobs), isReplyOrForward };
    return { text: lastBlob(text.slice(at)), isReplyOrForward };
  }
}

/** Of blobs and nothing else the last one is the subject. */
function lastBlob(text: string): string {
  const start = text.lastIndexOf("[");
  return start === -1 ? text : text.slice(start);
}

/** Where a match that begins at `at` ends; `at` itself if there is none. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
