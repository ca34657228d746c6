/**
 * Domains that name this server as a backup MX (permit_mx_backup with permit_mx_backup_networks). Anybody can write our name into
 * his DNS, so it counts only where all of the domain's primary servers stand in networks that the administrator has named.
 */
import { isWithin, type Network } from "postern/mail";
import { type Accept, accept, type Defer, defer, type Proceed, proceed, type Resolver } from "postern/plugin";

export interface Backup {
  readonly networks: readonly Network[];
  /** Lower case. */
  readonly names: ReadonlySet<string>;
  readonly resolver: Resolver;
}

const later = defer("Cannot look up the mail servers of this domain now", { code: 450, detail: "4.3" });

export async function isBackup(
  domain: string,
  { networks, names, resolver }: Backup,
  signal: AbortSignal,
): Promise<Accept | Proceed | Defer> {
  if (networks.length === 0 || domain.startsWith("[")) return proceed;
  const mx = await resolver.mx(domain, signal);
  if (mx.at === "failed") return later;
  if (mx.at === "notFound") return proceed;
  const records = mx.records.map(({ preference, exchange }) => ({
    preference,
    name: exchange.replace(/\.$/, "").toLowerCase(),
  }));
  const best = Math.min(...records.map(({ preference }) => preference));
  const primaries = records.filter(({ preference }) => preference === best);
  // A primary that does not serve the domain would send its mail to itself.
  if (!records.some(({ name }) => names.has(name)) || primaries.some(({ name }) => names.has(name))) return proceed;
  for (const { name } of primaries) {
    const hosts = await resolver.addresses(name, signal);
    if (hosts.at === "failed") return later;
    if (hosts.at === "notFound") return proceed;
    if (!hosts.records.every(({ address }) => isWithin(address, networks) !== null)) return proceed;
  }
  return accept("backup MX");
}
