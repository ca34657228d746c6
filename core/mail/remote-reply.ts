/** Replies of another SMTP server: code, enhanced status where it fits the code, text on one line without control characters. */

export interface ReadReply {
  readonly code: number;
  /** Enhanced status code, e.g. `5.1.1`; `null` if the other side gave none. */
  readonly status: string | null;
  readonly text: string;
  /** Who said so. */
  readonly host: string;
}

const TEXT_LIMIT = 1_000;

/** `raw` is a whole reply, lines separated by line ends. `null` if it does not begin with a reply code. */
export function parseReply(raw: string, host: string): ReadReply | null {
  const lines = raw.split(/\r?\n/).map((line) => /^([2-5]\d\d)(?:[ -]|$)(.*)$/s.exec(line));
  const code = Number(lines[0]?.[1] ?? 0);
  if (code === 0) return null;
  const texts = lines.map((line) => line?.[2] ?? "");
  // RFC 2034 4: the class of the status is the first digit of the code
  const status =
    new RegExp(`^(${Math.floor(code / 100)}\\.\\d{1,3}\\.\\d{1,3})(?: |$)`).exec(texts[0] ?? "")?.[1] ?? null;
  const text = texts
    .map((line) => (status && line.startsWith(status) ? line.slice(status.length).trim() : line.trim()))
    .join(" ");
  return { code, status, text: printable(text).slice(0, TEXT_LIMIT), host };
}

const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
