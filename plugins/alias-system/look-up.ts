/** What the alias tables have for an address of a local domain. Rejects when a table cannot answer now. */
import { parseAliasList, splitExtension } from "postern/mail";
import type { Address } from "postern/plugin";
import { withIncludes } from "./include.ts";
import type { Targets } from "./list-file.ts";
import type { Site } from "./site.ts";

export interface Alias {
  /** As the table has it, in lower case. */
  readonly name: string;
  readonly value: string;
}

/** `user+ext` before `user`; the extension does not go on to the targets, as in Postfix. */
export async function aliasOf({ localPart, domain }: Address, site: Site): Promise<Alias | null> {
  const { bare, extension } = splitExtension(localPart, site.facts.recipientDelimiter);
  const alias = (await aliasNamed(localPart, site)) ?? (extension === "" ? null : await aliasNamed(bare, site));
  return alias && (await isLocal(domain, site)) ? alias : null;
}

/** Known at once for most addresses: no table has the name. */
export function isNoAlias({ localPart }: Address, { tables, facts }: Site): boolean {
  const { bare, extension } = splitExtension(localPart, facts.recipientDelimiter);
  const names = extension === "" ? [localPart] : [localPart, bare];
  return names.every((name) => tables.every((table) => table.get(keyOf(name)) === null));
}

const keyOf = (localPart: string): string => localPart.normalize("NFC").toLowerCase();

export async function aliasNamed(localPart: string, { tables }: Pick<Site, "tables">): Promise<Alias | null> {
  const name = keyOf(localPart);
  for (const table of tables) {
    const value = await table.get(name);
    if (value !== null) return { name, value };
  }
  return null;
}

/** `origin` is local where a directory says so: elsewhere it is the domain of a central server. */
export async function isLocal(domain: string, { domains, facts, accounts }: Site): Promise<boolean> {
  if (domains.has(domain)) return true;
  if (domain !== facts.origin.toLowerCase()) return false;
  const answer = await accounts.domain(domain);
  if (answer === "unavailable") throw new Error(`whether ${domain} is local cannot be told now`);
  return answer === "served";
}

export const listOf = ({ value }: Alias, { allowed }: Site): Promise<Targets> =>
  withIncludes(parseAliasList(value), allowed.includes);
