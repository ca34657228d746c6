/**
 * Mailbox addresses after RFC 5321 4.1.2 and RFC 6531 3.3. `parseAddress` is the one gate from raw text to `Address`.
 * Never throws: what is no address is `null`.
 */
import { domainToASCII, domainToUnicode } from "node:url";
import ipaddr from "ipaddr.js";

/** A mailbox. `localPart` is unquoted; `toString()` quotes it again where the grammar asks for it. */
export interface Address {
  readonly localPart: string;
  /** Lower case, IDN labels as A-labels; an address literal keeps its brackets. Empty only for a bare `postmaster`. */
  readonly domain: string;
  toString(): string;
}

export interface AddressSyntax {
  /** Non-ASCII allowed (RFC 6531). Default: true. */
  readonly utf8?: boolean;
  /** Any local part may stand in a path without a domain (RFC 6409 4.2); the domain is empty then. Default: `postmaster` only. */
  readonly bare?: boolean;
}

/** The argument of MAIL and RCPT: `address` is `null` for the null path `<>`. `rest` begins behind the path. */
export interface Path {
  readonly address: Address | null;
  readonly rest: string;
}

// RFC 5321 4.5.3.1: limits in octets
const LOCAL_PART_LIMIT = 64;
const DOMAIN_LIMIT = 255;

// RFC 5322 3.2.3 atext, with RFC 6531 3.3 UTF8-non-ascii
const ATEXT_AND_DOTS = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\u{10ffff}.]{1,65}/uy;
const DOT_STRING =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\u{10ffff}]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\u{10ffff}]+)*$/u;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;
const NON_ASCII = /[^\u0000-\u007f]/u;
// Lenient: "_" is no letter of the grammar, but host names with it are met in the wild.
// RFC 1035 2.3.4: a label has at most 63 octets
const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
// What may stand in a domain before it becomes A-labels: the conversion itself reads a URL and would cut at "/", "?" or "#".
const U_LABELS = /^[A-Za-z0-9_.\-\u00a0-\u{10ffff}]+$/u;
// RFC 5321 4.1.3 Snum: one to three digits, leading zeros are no octal
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^[0-9A-Fa-f:.]{2,45}$/;
const GENERAL_LITERAL = /^[A-Za-z0-9-]*[A-Za-z0-9]:[\u0021-\u005a\u005e-\u007e]+$/;
// RFC 5321 4.1.2 A-d-l; a literal in it may have colons
const SOURCE_ROUTE = /^@(?:\[[^\s[\]<>]+\]|[^\s,:<>[\]]+)(?:,@(?:\[[^\s[\]<>]+\]|[^\s,:<>[\]]+))*:/;

class Mailbox implements Address {
  readonly localPart: string;
  readonly domain: string;
  /** Made when first asked for: every table, log line and record asks again. */
  #text: string | null = null;
  readonly #isParsed: boolean;
  constructor(localPart: string, domain: string, isParsed: boolean) {
    this.#isParsed = isParsed;
    this.localPart = localPart;
    this.domain = domain;
    Object.freeze(this);
  }
  static isParsed(value: object): value is Mailbox {
    return #text in value && value.#isParsed;
  }
  toString(): string {
    this.#text ??= this.#written();
    return this.#text;
  }
  #written(): string {
    const local = DOT_STRING.test(this.localPart) ? this.localPart : quote(this.localPart);
    return this.domain === "" ? local : `${local}@${this.domain}`;
  }
  /** An address is its text wherever it is logged or stored. */
  toJSON(): string {
    return this.toString();
  }
}

/** Whether the parser here made it: nobody can have changed it since. */
export const isParsedAddress = (value: object): value is Address => Mailbox.isParsed(value);

/** Parses `local@domain` without angle brackets. */
export function parseAddress(raw: string, syntax: AddressSyntax = {}): Address | null {
  const local = readLocalPart(raw, 0, syntax);
  if (!local || raw[local.end] !== "@") return null;
  const domain = parseDomain(raw.slice(local.end + 1), syntax);
  return domain === null ? null : new Mailbox(local.value, domain, true);
}

/**
 * Parses a reverse-path or forward-path (RFC 5321 4.1.2) at the start of `raw`. A source route is read and forgotten
 * (RFC 5321 4.1.1.3). `<postmaster>` without a domain is taken (RFC 5321 4.5.1), any other bare local part only where `bare` says so.
 */
export function parsePath(raw: string, syntax: AddressSyntax = {}): Path | null {
  if (!raw.startsWith("<")) return parseNakedPath(raw, syntax);
  if (raw.startsWith("<>")) return { address: null, rest: raw.slice(2) };
  let at = 1;
  if (raw[1] === "@") {
    const route = SOURCE_ROUTE.exec(raw.slice(1));
    if (!route) return null;
    at += route[0].length;
  }
  const local = readLocalPart(raw, at, syntax);
  if (!local) return null;
  if (raw[local.end] === ">") {
    if (syntax.bare !== true && !isPostmaster(local.value)) return null;
    return { address: new Mailbox(local.value, "", true), rest: raw.slice(local.end + 1) };
  }
  if (raw[local.end] !== "@") return null;
  const close = raw.indexOf(">", local.end);
  if (close < 0) return null;
  const domain = parseDomain(raw.slice(local.end + 1, close), syntax);
  return domain === null ? null : { address: new Mailbox(local.value, domain, true), rest: raw.slice(close + 1) };
}

/** The domain in its one form: lower case, A-labels, an address literal checked. `null` if it is none. */
export function parseDomain(raw: string, syntax: AddressSyntax = {}): string | null {
  if (raw.startsWith("[")) return parseAddressLiteral(raw);
  const isUtf8 = NON_ASCII.test(raw);
  if (isUtf8 && (syntax.utf8 === false || !U_LABELS.test(raw))) return null;
  const domain = isUtf8 ? domainToASCII(raw.normalize("NFC")) : raw.toLowerCase();
  if (domain === "" || domain.length > DOMAIN_LIMIT) return null;
  return DOMAIN.test(domain) ? domain : null;
}

/** The address literal of an IP address (RFC 5321 4.1.3), as domains have it; `null` if it is none. */
export const literalOf = (ipAddress: string): string | null =>
  parseAddressLiteral(ipAddress.includes(":") ? `[IPv6:${ipAddress}]` : `[${ipAddress}]`);

/** A domain with its U-labels (RFC 5890 2.3.2.1), as people and tables write it; one without IDN stays as it is. */
export const unicodeDomain = (domain: string): string =>
  domain.includes("xn--") ? domainToUnicode(domain) || domain : domain;

/** The same domain with another local part, which is unquoted here. */
export const withLocalPart = ({ domain }: Address, localPart: string): Address => new Mailbox(localPart, domain, false);

/** Whether two addresses name the same mailbox here: domains alike, local parts alike but for case and composition of letters. */
export function isSameAddress(one: Address, other: Address): boolean {
  return one.domain === other.domain && folded(one.localPart) === folded(other.localPart);
}

/** RFC 6532 3.1: one letter may be written as one character or as several. */
const folded = (localPart: string): string => localPart.normalize("NFC").toLowerCase();

/** Whether only an SMTPUTF8 peer can take it (RFC 6531 3.2); domains never ask for it, they are A-labels. */
export function needsSmtpUtf8(address: Address): boolean {
  return NON_ASCII.test(address.localPart);
}

// Lenient: some clients and scripts leave the angle brackets out.
function parseNakedPath(raw: string, syntax: AddressSyntax): Path | null {
  const end = raw.search(/\s/);
  const text = end < 0 ? raw : raw.slice(0, end);
  const rest = end < 0 ? "" : raw.slice(end);
  if (isPostmaster(text)) return { address: new Mailbox(text, "", true), rest };
  const address = parseAddress(text, syntax);
  return address && { address, rest };
}

const isPostmaster = (localPart: string): boolean => localPart.toLowerCase() === "postmaster";

function readLocalPart(raw: string, start: number, syntax: AddressSyntax): { value: string; end: number } | null {
  const read = raw[start] === '"' ? readQuotedString(raw, start) : readDotString(raw, start);
  if (!read || Buffer.byteLength(read.value) > LOCAL_PART_LIMIT) return null;
  return syntax.utf8 === false && NON_ASCII.test(read.value) ? null : read;
}

function readDotString(raw: string, start: number): { value: string; end: number } | null {
  ATEXT_AND_DOTS.lastIndex = start;
  const value = ATEXT_AND_DOTS.exec(raw)?.[0] ?? "";
  return DOT_STRING.test(value) && !CONTROL.test(value) ? { value, end: start + value.length } : null;
}

function readQuotedString(raw: string, start: number): { value: string; end: number } | null {
  let value = "";
  for (let at = start + 1; at < raw.length; at++) {
    let char = raw[at] ?? "";
    if (char === '"') return { value, end: at + 1 };
    if (char === "\\") char = raw[++at] ?? "";
    if (char === "" || CONTROL.test(char)) return null;
    value += char;
    if (value.length > LOCAL_PART_LIMIT) return null;
  }
  return null;
}

// RFC 5321 4.1.3
function parseAddressLiteral(raw: string): string | null {
  if (raw.length > DOMAIN_LIMIT || !raw.endsWith("]")) return null;
  const inside = raw.slice(1, -1);
  if (IPV4.test(inside)) {
    const octets = inside.split(".").map(Number);
    return octets.every((octet) => octet <= 255) ? `[${octets.join(".")}]` : null;
  }
  if (/^ipv6:/i.test(inside)) {
    const text = inside.slice(5);
    // One form for one address: literals are compared.
    return IPV6.test(text) && ipaddr.IPv6.isValid(text) ? `[IPv6:${ipaddr.IPv6.parse(text).toRFC5952String()}]` : null;
  }
  return GENERAL_LITERAL.test(inside) ? raw : null;
}

const quote = (localPart: string): string => `"${localPart.replace(/["\\]/g, "\\$&")}"`;
