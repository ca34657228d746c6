/** Case folding for SEARCH (RFC 3501 6.4.4, RFC 5051): compatibility forms, then case, so that STRASSE finds Straße. */

export function fold(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.normalize("NFKD").toUpperCase().toLowerCase();
}
