/** What can be wrong with these options beyond their schema. */
import { domainList, networkText, parseNextHop } from "postern/mail";
import { type Accounts, type Finding, networksOf } from "postern/plugin";

interface Options {
  readonly networks: readonly string[];
  readonly mxBackup: { readonly networks: readonly string[] };
  readonly relayDomains: readonly string[];
  readonly relayNextHops: Readonly<Record<string, string>>;
}

export async function findings(options: Options, { accounts }: { accounts: Accounts }): Promise<Finding[]> {
  const found: Finding[] = [];
  const error = (text: string) => found.push({ severity: "error", text });
  for (const network of networksOf(options.networks)) {
    if (network[1] === 0)
      error(`networks has ${networkText(network)}: the whole world could relay through this server`);
  }
  for (const network of networksOf(options.mxBackup.networks)) {
    if (network[1] === 0)
      error(`mxBackup.networks has ${networkText(network)}: anybody could make this server his relay`);
  }
  const domains = domainList(options.relayDomains);
  for (const [domain, nextHop] of Object.entries(options.relayNextHops)) {
    if (!parseNextHop(nextHop))
      error(`relayNextHops.${domain} is no next hop: ${JSON.stringify(nextHop)}; expected like [10.0.0.5]:25`);
    if (domains.covers(domain.replace(/^\./, "").toLowerCase()) === null && !options.relayDomains.includes(domain))
      found.push({ severity: "warning", text: `relayNextHops has ${domain}, which is no relay domain` });
  }
  for (const domain of options.relayDomains) {
    if (!domain.startsWith(".") && (await accounts.domain(domain)) === "served")
      error(`relayDomains has ${domain}, whose mailboxes live here: its mail would never be handed on`);
  }
  return found;
}
