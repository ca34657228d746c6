/** A list of domains as a question: `example.net` is that one, `.example.net` all below it, an empty list is everything. */
import { parseDomain } from "postern/mail";

/** Throws for what is no domain. */
export function domainList(written: readonly string[]): (domain: string) => boolean {
  const entries = new Set(
    written.map((raw) => {
      const domain = parseDomain(raw.replace(/^\./, ""));
      if (domain === null)
        throw new Error(`"${raw}" is no domain: write example.net, or .example.net for all below it`);
      return raw.startsWith(".") ? `.${domain}` : domain;
    }),
  );
  return (domain) => {
    if (entries.size === 0 || entries.has(domain)) return true;
    for (let dot = domain.indexOf("."); dot >= 0; dot = domain.indexOf(".", dot + 1))
      if (entries.has(domain.slice(dot))) return true;
    return false;
  };
}
