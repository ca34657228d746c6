/** Which domain an address is shown with (masquerade_domains in postconf(5)). Pure. */
import { parseAddress, parseDomain } from "postern/mail";
import type { Address } from "postern/plugin";

export interface MasqueradeRule {
  readonly domain: string;
  /** `!example.org`: what is below it keeps its names. */
  readonly isException: boolean;
}

export interface MasqueradeRules {
  /** The first that an address is within counts. */
  readonly domains: readonly MasqueradeRule[];
  /** Local parts in lower case that are left alone. */
  readonly exceptions: ReadonlySet<string>;
}

/** Throws for what is no domain. */
export function parseRule(text: string): MasqueradeRule {
  const isException = text.startsWith("!");
  const domain = parseDomain(isException ? text.slice(1) : text);
  if (domain === null || domain.startsWith("[")) throw new Error(`domains: ${JSON.stringify(text)} is no domain`);
  return { domain, isException };
}

/** `null`: it stays. */
export function masquerade(address: Address, { domains, exceptions }: MasqueradeRules): Address | null {
  const { localPart, domain } = address;
  const rule = domains.find((one) => domain === one.domain || domain.endsWith(`.${one.domain}`));
  if (!rule || rule.isException || domain === rule.domain || exceptions.has(localPart.toLowerCase())) return null;
  return parseAddress(`${String(address).slice(0, -domain.length)}${rule.domain}`);
}
