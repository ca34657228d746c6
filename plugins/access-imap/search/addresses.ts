/** Addresses of an envelope as text, for searching and sorting: names decoded. */
import { decodeEncodedWords, decodeRaw, type EnvelopeAddress, foldText } from "postern/mail";

type Addresses = readonly EnvelopeAddress[];

/** `ann lee <ann@example.org>, bob@example.org`, folded. */
export function foldedAddresses(addresses: Addresses): string {
  const pieces: string[] = [];
  for (const { name, mailbox, host } of addresses) {
    if (mailbox === null) continue; // the end of a group
    if (host === null) pieces.push(`${decodeEncodedWords(mailbox)}:`);
    else {
      const address = decodeRaw(`${mailbox}@${host}`);
      pieces.push(name === null ? address : `${decodeEncodedWords(name)} <${address}>`);
    }
  }
  return foldText(pieces.join(", "));
}

/** RFC 5256 3: the mailbox of the first address; empty where there is none. */
export const firstMailbox = (addresses: Addresses | null): string => decodeRaw(addresses?.[0]?.mailbox ?? "");

/** RFC 5957 3: the name of the first address, of a group its own; without one the address. */
export function firstDisplay(addresses: Addresses | null): string {
  const first = addresses?.[0];
  if (!first) return "";
  if (first.name !== null && first.name !== "") return decodeEncodedWords(first.name);
  if (first.host === null) return decodeEncodedWords(first.mailbox ?? "");
  return decodeRaw(`${first.mailbox ?? ""}@${first.host}`);
}
