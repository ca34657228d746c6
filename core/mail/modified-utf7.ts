/**
 * Modified UTF-7 (RFC 3501 5.1.3): names of mailboxes in IMAP, and in the names of files and directories as Dovecot writes them by default.
 * Strict both ways, so that no name has two spellings.
 */

/** ASCII only. */
export function encodeModifiedUtf7(text: string): string {
  if (/^[ -%'-~]*$/.test(text)) return text;
  return text.replace(/[^ -~]+|&/g, (run) => {
    if (run === "&") return "&-";
    const units = Buffer.from(run, "utf16le").swap16();
    return `&${units.toString("base64").replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}

/** `null` if it is not modified UTF-7, or could have been written otherwise. */
export function decodeModifiedUtf7(octets: string): string | null {
  if (/[^ -~]/.test(octets)) return null;
  if (!octets.includes("&")) return octets;
  let name = "";
  let at = 0;
  while (at < octets.length) {
    const start = octets.indexOf("&", at);
    if (start === -1) break;
    name += octets.slice(at, start);
    const end = octets.indexOf("-", start);
    if (end === -1) return null;
    const run = octets.slice(start + 1, end);
    const text = run === "" ? "&" : decodeRun(run);
    if (text === null) return null;
    name += text;
    at = end + 1;
  }
  name += octets.slice(at);
  // One spelling a name: whatever would be sent differently is refused (superfluous shifts, shifted ASCII).
  return encodeModifiedUtf7(name) === octets ? name : null;
}

function decodeRun(run: string): string | null {
  if (!/^[A-Za-z0-9+,]+$/.test(run)) return null;
  const units = Buffer.from(run.replaceAll(",", "/"), "base64");
  if (units.length === 0 || units.length % 2 !== 0) return null;
  const text = units.swap16().toString("utf16le");
  return /[\ud800-\udfff]/u.test(text) ? null : text; // no lone surrogates
}
