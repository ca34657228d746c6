/**
 * Under which keys an address, a host name or a client address may stand in a table, from the most special to the most general:
 * the orders of virtual(5), access(5) and transport(5). Pure. The first key is the whole; tables of patterns and of networks
 * are asked for that one alone. Keys of a shape that nobody wants are left out.
 */
import type { AddressOrder } from "../contracts/tables.ts";
import { type Address, parseAddress, unicodeDomain } from "../mail/address.ts";
import { splitExtension } from "../mail/extension.ts";
import { type Wants, wantsAll } from "./key-shape.ts";

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

export function addressKeys(
  address: Address | null,
  order: AddressOrder,
  rules: KeyRules,
  wants: Wants = wantsAll,
): readonly Key[] {
  const keys = keysOf(address, order, rules, wants);
  return address?.domain.includes("xn--") ? withUnicode(keys) : keys;
}

function keysOf(address: Address | null, order: AddressOrder, rules: KeyRules, wants: Wants): readonly Key[] {
  if (address === null) return [whole(NULL_SENDER_KEY)];
  // RFC 5321 4.5.1: postmaster is the one address without a domain.
  if (address.domain === "") return [whole(address.localPart)];
  const { extension } = splitExtension(address.localPart, rules.recipientDelimiter);
  const keys = addressForms(address, extension);
  switch (order) {
    case "virtual":
      // A quoted local part may have any shape.
      pushBareKeys(keys, address, extension, rules);
      if (wants("@domain")) keys.push(partial(`@${address.domain}`));
      break;
    case "access":
      if (wants("name") || isLiteral(address.domain)) keys.push(partial(address.domain));
      pushParents(keys, address.domain, wants);
      if (wants("local@")) pushLocalKeys(keys, address, extension);
      break;
    case "transport":
      if (wants("name") || isLiteral(address.domain)) keys.push(partial(address.domain));
      pushParents(keys, address.domain, (shape) => shape === ".domain" && wants(shape));
      if (wants("name")) keys.push(partial("*"));
      break;
  }
  return keys;
}

/** `a.b.c`, `.b.c`, `b.c`, `.c`, `c`. */
export function domainKeys(domain: string, wants: Wants = wantsAll): readonly Key[] {
  const keys = [whole(domain)];
  // What a client calls itself may have any shape.
  pushParents(keys, domain, domain.includes("@") ? wantsAll : wants);
  return domain.includes("xn--") ? withUnicode(keys) : keys;
}

const isLiteral = (domain: string): boolean => domain.startsWith("[");

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

/** The whole and the one without extension, each as it is written and, where that differs, without its quotes. */
function addressForms(address: Address, extension: string): Key[] {
  const text = address.toString();
  const keys = [whole(text)];
  const { localPart, domain } = address;
  if (text.startsWith('"')) keys.push(partial(`${localPart}@${domain}`));
  if (extension === "") return keys;
  const bare = localPart.slice(0, -extension.length);
  const written = quoted(bare);
  keys.push(partial(`${written}@${domain}`, extension));
  if (written !== bare) keys.push(partial(`${bare}@${domain}`, extension));
  return keys;
}

function pushBareKeys(keys: Key[], { localPart, domain }: Address, extension: string, rules: KeyRules): void {
  if (!rules.isLocal(domain)) return;
  keys.push(partial(localPart));
  if (extension !== "") keys.push(partial(localPart.slice(0, -extension.length), extension));
}

function pushLocalKeys(keys: Key[], { localPart }: Address, extension: string): void {
  keys.push(partial(`${localPart}@`));
  if (extension !== "") keys.push(partial(`${localPart.slice(0, -extension.length)}@`, extension));
}

/** `.b.c`, `b.c`, `.c`, `c`. An address literal has no parents. */
function pushParents(keys: Key[], domain: string, wants: Wants): void {
  if (isLiteral(domain)) return;
  const wantsDots = wants(".domain");
  const wantsNames = wants("name");
  if (!wantsDots && !wantsNames) return;
  for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
    if (wantsDots) keys.push(partial(domain.slice(dot)));
    if (wantsNames) keys.push(partial(domain.slice(dot + 1)));
  }
}

function quoted(localPart: string): string {
  const address = parseAddress(`"${localPart.replace(/["\\]/g, "\\$&")}"@x`);
  return address ? address.toString().slice(0, -2) : localPart;
}
