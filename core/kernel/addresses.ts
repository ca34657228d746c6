/** Addresses that come from an author's plain object or from our own spool, made whole by the one parser. */
import { type Address, isParsedAddress, parseAddress, parsePath } from "../mail/address.ts";

/** The address of a text that `toString()` wrote. Throws `TypeError` for anything else: the record is damaged. */
export function storedAddress(text: string): Address {
  const address = text.includes("@") ? parseAddress(text) : parsePath(`<${text}>`)?.address;
  if (!address) throw new TypeError("a stored address is none");
  return address;
}

/** An address as an author may write it, `{ localPart, domain }`, with the `toString` that the house relies on; `null` if it is none. */
export function wholeAddress(value: unknown): Address | null {
  if (typeof value !== "object" || value === null || !("localPart" in value) || !("domain" in value)) return null;
  if (isParsedAddress(value) && value.localPart !== "" && value.domain !== "") return value;
  const { localPart, domain } = value;
  // The grammar allows "" as a local part; an author who writes it has lost the address.
  if (typeof localPart !== "string" || localPart === "" || typeof domain !== "string") return null;
  if (domain === "") return parsePath(`<${localPart}>`)?.address ?? null;
  return parseAddress(`"${localPart.replace(/["\\]/g, "\\$&")}"@${domain}`);
}
