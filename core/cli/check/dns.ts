/** What the world sees of this server in the DNS. Warnings only: a name server may be out of reach of this machine alone. */
import type { ServerConfig } from "../../app/config/server-config.ts";
import type { Resolver } from "../../contracts/resolver.ts";
import { type Finding, warningAt } from "./finding.ts";

export async function checkDns({ hostname, origin }: ServerConfig, resolver: Resolver): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const say = (about: string, text: string) => findings.push(warningAt(about, text));
  const addresses = await resolver.addresses(hostname);
  if (addresses.at === "failed") say("dns", `the addresses of ${hostname} cannot be asked for: ${addresses.reason}`);
  else if (addresses.at === "notFound") say("dns", `${hostname} has no address: others will not believe its name`);
  else {
    for (const { address } of addresses.records) {
      const names = await resolver.reverse(address);
      if (names.at === "failed") say("dns", `the name of ${address} cannot be asked for: ${names.reason}`);
      else if (names.at === "notFound") say("dns", `${address} has no name (PTR): many servers refuse mail from it`);
      else if (!names.records.some((name) => isSameName(name, hostname))) {
        say(
          "dns",
          `${address} is called ${names.records.join(", ")}, not ${hostname}: many servers refuse mail from it`,
        );
      }
    }
  }
  const mx = await resolver.mx(origin);
  if (mx.at === "failed") say("dns", `the mail hosts of ${origin} cannot be asked for: ${mx.reason}`);
  else if (mx.at === "notFound") {
    if (!isSameName(origin, hostname)) say("dns", `${origin} has no MX`);
  } else if (!mx.records.some(({ exchange }) => isSameName(exchange, hostname))) {
    say(
      "dns",
      `mail for ${origin} goes to ${mx.records.map(({ exchange }) => exchange).join(", ")}, not to ${hostname}`,
    );
  }
  return findings;
}

const isSameName = (one: string, other: string) =>
  one.replace(/\.$/, "").toLowerCase() === other.replace(/\.$/, "").toLowerCase();
