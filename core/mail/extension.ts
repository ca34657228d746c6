/** The extension of a local part behind the recipient delimiter: `user+lists` is mail for `user`. Pure. */

/** Names that Postfix never splits either: they mean themselves, whatever the delimiter. */
const WHOLE = /^(?:postmaster|mailer-daemon|double-bounce)$/i;
/** With "-" as delimiter, these are the addresses of a list, not of a user `owner` or of a user with the extension `request`. */
const LIST_NAME = /^owner-|-request$/i;

export interface SplitLocalPart {
  readonly bare: string;
  /** With its delimiter; empty: there is none. */
  readonly extension: string;
}

/** Each character of `delimiters` is one; the first that stands behind the first character of the local part counts. */
export function splitExtension(localPart: string, delimiters: string): SplitLocalPart {
  const at = firstOf(localPart, delimiters);
  if (at < 0 || WHOLE.test(localPart) || (delimiters.includes("-") && LIST_NAME.test(localPart)))
    return { bare: localPart, extension: "" };
  return { bare: localPart.slice(0, at), extension: localPart.slice(at) };
}

function firstOf(text: string, characters: string): number {
  if (characters === "") return -1;
  if (characters.length === 1) return text.indexOf(characters, 1);
  for (let at = 1; at < text.length; at += 1) if (characters.includes(text[at] ?? "")) return at;
  return -1;
}
