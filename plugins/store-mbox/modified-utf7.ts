/** Modified UTF-7 (RFC 3501 5.1.3): how mailbox names stand in directory names, as Dovecot writes them by default. */

const toBase64 = (text: string): string =>
  Buffer.from(text, "utf16le").swap16().toString("base64").replaceAll("/", ",").replace(/=+$/, "");

export const encodeModifiedUtf7 = (text: string): string =>
  text.replace(/&|[^\x20-\x7e]+/g, (run) => (run === "&" ? "&-" : `&${toBase64(run)}-`));

/** `null` where the text is no modified UTF-7 or could have been written otherwise: two directories never share a name. */
export function decodeModifiedUtf7(text: string): string | null {
  if (/[^\x20-\x7e]/.test(text)) return null;
  let isBroken = false;
  const decoded = text.replace(/&([^-]*)(-?)/g, (_, run: string, end: string) => {
    if (end === "") isBroken = true;
    if (run === "") return "&";
    const octets = Buffer.from(run.replaceAll(",", "/"), "base64");
    if (octets.length % 2 !== 0) {
      isBroken = true;
      return "";
    }
    return octets.swap16().toString("utf16le");
  });
  return isBroken || encodeModifiedUtf7(decoded) !== text ? null : decoded;
}
