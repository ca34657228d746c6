/** Addresses that come from an author's plain object or from our own spool, made whole. Throws `TypeError` for no address. */
import type { Address } from "../mail/address.ts";

/** RFC 5321 4.1.2 Dot-string, with the UTF-8 of RFC 6531 3.3. */
const dotString = /^[\w!#$%&'*+\-/=?^`{|}~\u{80}-\u{10ffff}]+(?:\.[\w!#$%&'*+\-/=?^`{|}~\u{80}-\u{10ffff}]+)*$/u;

class Mailbox implements Address {
  readonly localPart: string;
  readonly domain: string;

  constructor(localPart: string, domain: string) {
    this.localPart = localPart;
    this.domain = domain;
  }

  toString(): string {
    const local = dotString.test(this.localPart) ? this.localPart : `"${this.localPart.replace(/["\\]/g, "\\$&")}"`;
    return this.domain === "" ? local : `${local}@${this.domain}`;
  }
}

/** The address of a text that `toString()` wrote. */
export function storedAddress(text: string): Address {
  const at = text.lastIndexOf("@");
  const rawLocal = at === -1 ? text : text.slice(0, at);
  const localPart = rawLocal.startsWith('"') ? rawLocal.slice(1, -1).replace(/\\(.)/gs, "$1") : rawLocal;
  if (localPart === "") throw new TypeError("a stored address has no local part");
  return new Mailbox(localPart, at === -1 ? "" : text.slice(at + 1));
}

/** An address as an author may write it, `{ localPart, domain }`, with the `toString` that the rest of the house relies on. */
export function wholeAddress(address: Address): Address {
  if (address.toString !== Object.prototype.toString) return address;
  return new Mailbox(address.localPart, address.domain.toLowerCase());
}
