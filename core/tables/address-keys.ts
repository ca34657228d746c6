/**
 * Under which keys an address, a host name or a client address may stand in a table, from the most special to the most general:
 * the orders of virtual(5), access(5) and transport(5). Pure. The first key is the whole; tables of patterns and of networks
 * are asked for that one alone.
 */
import type { AddressOrder } from "../contracts/tables.ts";
import { type Address, parseAddress, unicodeDomain } from "../mail/address.ts";
import { splitExtension } from "../mail/extension.ts";

export interface Key {
  readonly key: string;
  /** The whole of what is asked for, nothing left out. */
  readonly isWhole: boolean;
  /** What the key leaves out behind the recipient delimiter, delimiter included. */
  readonly extension: string;
}

export interface KeyRules {
  /** Each of these characters separates a local part from its extension; empty: there are no extensions. */
  readonly recipientDelimiter: string;
  /** Whether a bare local part may stand as a key for addresses of this domain. */
  isLocal(domain: string): boolean;
}

/** access(5), transport(5): what the null reverse-path is asked for as. */
export const NULL_SENDER_KEY = "<>";

export const addressKeys = (address: Address | null, order: AddressOrder, rules: KeyRules): readonly Key[] =>
  address?.domain.includes("xn--") ? withUnicode(keysOf(address, order, rules)) : keysOf(address, order, rules);

function keysOf(address: Address | null, order: AddressOrder, rules: KeyRules): readonly Key[] {
  if (address === null) return [whole(NULL_SENDER_KEY)];
  // RFC 5321 4.5.1: postmaster is the one address without a domain.
  if (address.domain === "") return [whole(address.localPart)];
  const { extension } = splitExtension(address.localPart, rules.recipientDelimiter);
  const forms = addressForms(address, extension);
  switch (order) {
    case "virtual":
      return [...forms, ...bareKeys(address, extension, rules), partial(`@${address.domain}`)];
    case "access":
      return [...forms, ...parentKeys(address.domain, part), ...localKeys(address, extension)];
    case "transport":
      return [...forms, partial(address.domain), ...parents(address.domain, ["."]), partial("*")];
  }
}

/** `a.b.c`, `.b.c`, `b.c`, `.c`, `c`. */
export const domainKeys = (domain: string): readonly Key[] =>
  domain.includes("xn--") ? withUnicode(parentKeys(domain, whole)) : parentKeys(domain, whole);

const parentKeys = (domain: string, first: (key: string) => Key): readonly Key[] => [
  first(domain),
  ...parents(domain, [".", ""]),
];

/** RFC 5890 2.3.2.4: a table may have a domain with its A-labels or with its U-labels. */
const withUnicode = (keys: readonly Key[]): readonly Key[] =>
  keys.flatMap((key) => {
    const at = key.key.lastIndexOf("@") + 1;
    const start = key.key[at] === "." ? at + 1 : at;
    const written = key.key.slice(0, start) + unicodeDomain(key.key.slice(start));
    return written === key.key ? [key] : [key, { ...key, key: written, isWhole: false }];
  });

/** `192.0.2.1`, `192.0.2`, `192.0`, `192`; IPv6 by the colon, as it is written. */
export function networkKeys(address: string): readonly Key[] {
  const separator = address.includes(":") ? ":" : ".";
  const keys = [whole(address)];
  for (let end = address.lastIndexOf(separator); end > 0; end = address.lastIndexOf(separator, end - 1))
    keys.push(partial(address.slice(0, end)));
  return keys;
}

const whole = (key: string): Key => ({ key, isWhole: true, extension: "" });
const partial = (key: string, extension = ""): Key => ({ key, isWhole: false, extension });
const part = (key: string): Key => partial(key);

/** The whole and the one without extension, each as it is written and, where that differs, without its quotes. */
function addressForms(address: Address, extension: string): readonly Key[] {
  const keys = [whole(address.toString())];
  const { localPart, domain } = address;
  if (keys[0]?.key !== `${localPart}@${domain}`) keys.push(partial(`${localPart}@${domain}`));
  if (extension === "") return keys;
  const bare = localPart.slice(0, -extension.length);
  const written = quoted(bare);
  keys.push(partial(`${written}@${domain}`, extension));
  if (written !== bare) keys.push(partial(`${bare}@${domain}`, extension));
  return keys;
}

function bareKeys({ localPart, domain }: Address, extension: string, rules: KeyRules): readonly Key[] {
  if (!rules.isLocal(domain)) return [];
  const keys = [partial(localPart)];
  if (extension !== "") keys.push(partial(localPart.slice(0, -extension.length), extension));
  return keys;
}

function localKeys({ localPart }: Address, extension: string): readonly Key[] {
  const keys = [partial(`${localPart}@`)];
  if (extension !== "") keys.push(partial(`${localPart.slice(0, -extension.length)}@`, extension));
  return keys;
}

/** An address literal has no parents. */
function* parents(domain: string, prefixes: readonly string[]): Generator<Key> {
  if (domain.startsWith("[")) return;
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1))
    for (const prefix of prefixes) yield partial(prefix + domain.slice(dot + 1));
}

function quoted(localPart: string): string {
  const address = parseAddress(`"${localPart.replace(/["\\]/g, "\\$&")}"@x`);
  return address ? address.toString().slice(0, -2) : localPart;
}
