/** Extensions that change what is sent, so that clients have to ask for them with ENABLE (RFC 5161), as they are called there in upper case. */
export type Extension = "CONDSTORE" | "QRESYNC" | "UTF8=ACCEPT" | "IMAP4REV2";

/** What ENABLE takes, by its name in upper case. */
export const extensions: ReadonlyMap<string, Extension> = new Map([
  ["CONDSTORE", "CONDSTORE"],
  ["QRESYNC", "QRESYNC"],
  ["IMAP4REV2", "IMAP4REV2"],
  ["UTF8=ACCEPT", "UTF8=ACCEPT"],
]);
