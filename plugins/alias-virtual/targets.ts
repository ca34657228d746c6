/** The right-hand side of a virtual alias: a list of addresses. What is none is a mistake, never passed over silently. */

import { parseAddress } from "postern/mail";
import type { Address, TableHit } from "postern/plugin";

export interface Targets {
  readonly addresses: readonly Address[];
  readonly mistakes: readonly string[];
}

export function parseTargets(asked: Address, { key, value, extension }: TableHit, origin: string): Targets {
  const addresses: Address[] = [];
  const mistakes: string[] = [];
  for (const item of splitList(value)) {
    const address = parseTarget(item, asked, key, extension, origin);
    if (address) addresses.push(address);
    else mistakes.push(item);
  }
  return { addresses, mistakes };
}

function parseTarget(item: string, asked: Address, key: string, extension: string, origin: string): Address | null {
  // virtual(5): "@domain @otherdomain" keeps the local part
  if (item.startsWith("@")) return key.startsWith("@") ? parseAddress(`${localPartOf(asked)}${item}`) : null;
  if (/^[|/:]/.test(item)) return null; // commands, files and :include: belong to aliases(5)
  const address = parseAddress(item.includes("@") ? item : `${item}@${origin}`);
  if (!address || extension === "" || address.localPart.includes(extension[0] ?? "")) return address;
  // The client has chosen it: it may need quotes.
  const localPart = `${address.localPart}${extension}`.replace(/["\\]/g, "\\$&");
  return parseAddress(`"${localPart}"@${address.domain}`) ?? address;
}

const localPartOf = (address: Address): string => String(address).slice(0, -(address.domain.length + 1));

const splitList = (value: string): string[] =>
  (value.match(/(?:"(?:[^"\\]|\\.)*"|[^\s,"])+/g) ?? []).filter((item) => item !== "");
