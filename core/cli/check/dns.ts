/** What the world sees of this server in the DNS. Warnings only: a name server may be out of reach of this machine alone. */
import type { ServerConfig } from "../../app/config/server-config.ts";
import type { Resolver } from "../../contracts/resolver.ts";
import { type Finding, warningAt } from "./finding.ts";

type CheckedConfig = Pick<ServerConfig, "hostname" | "origin"> & { readonly dns: { readonly validating?: boolean } };

export async function checkDns(
  { hostname, origin, dns }: CheckedConfig,
  resolver: Resolver,
): Promise<readonly Finding[]> {
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
  const validation = await validationText(dns.validating, resolver);
  if (validation !== null) say("dns", validation);
  return findings;
}

/** DANE stands on it. The root zone is signed, so whoever validates vouches for it; `null`: nothing to say. */
async function validationText(validating: boolean | undefined, resolver: Resolver): Promise<string | null> {
  if (validating === false) return null;
  const root = await resolver.ns(".");
  if (root.at === "failed") return `whether the resolvers validate DNSSEC cannot be asked: ${root.reason}`;
  if (root.isAuthentic) return null;
  return validating
    ? "the resolvers do not validate DNSSEC, although dns.validating says so: DANE is not used"
    : "no resolver on this machine validates DNSSEC: DANE is not used; dns.validating: true for resolvers elsewhere that do, false if that is as it should be";
}

const isSameName = (one: string, other: string) =>
  one.replace(/\.$/, "").toLowerCase() === other.replace(/\.$/, "").toLowerCase();
