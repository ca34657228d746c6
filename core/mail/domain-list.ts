/** A list of domains as options have it: `example.net` is that domain, `.example.net` all below it. */
import { parseDomain } from "./address.ts";

export interface DomainList {
  /** The entry that covers this domain (in lower case), the longest one, as it was written; `null` if there is none. */
  covers(domain: string): string | null;
}

/** Throws for what is no domain, an address literal, and the whole world. */
export function domainList(written: readonly string[]): DomainList {
  const entries = new Map<string, string>();
  for (const raw of written) {
    const isParent = raw.startsWith(".");
    const domain = parseDomain(isParent ? raw.slice(1) : raw);
    if (domain === null || domain.startsWith("[")) {
      throw new Error(`"${raw}" is no domain: write example.net, or .example.net for all below it`);
    }
    entries.set(isParent ? `.${domain}` : domain, raw);
  }
  return {
    covers(domain) {
      if (entries.size === 0) return null;
      const whole = entries.get(domain);
      if (whole !== undefined) return whole;
      for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1)) {
        const parent = entries.get(domain.slice(dot));
        if (parent !== undefined) return parent;
      }
      return null;
    },
  };
}
