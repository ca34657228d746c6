/** The service `NextHops`: the queue's own answer to "where would this go?", for plugins that talk to those hosts. Never rejects. */
import { networkInterfaces } from "node:os";
import type { Kernel } from "../contracts/kernel.ts";
import type { NextHops } from "../contracts/next-hops.ts";
import type { Resolver } from "../contracts/resolver.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import { findMailDomain, findMailHosts } from "./mail-hosts.ts";

export interface NextHopsParts {
  readonly kernel: Pick<Kernel, "claim">;
  readonly resolver: Resolver;
  readonly hostname: string;
}

export function createNextHops({ kernel, resolver, hostname }: NextHopsParts): NextHops {
  return {
    async route(address) {
      const envelope = createEnvelope({ id: "", origin: "sendmail", session: null, reversePath: null });
      const recipient = envelope.makeRecipient({ address });
      return (await kernel.claim("route", recipient, envelope)).verdict;
    },
    hosts: (nextHop, signal) =>
      findMailHosts({ nextHop, resolver, hostname, isOwnAddress, random: Math.random, signal }),
    domain: (domain, signal) => findMailDomain(domain, resolver, signal),
  };
}

/** Addresses come and go, so they are asked for each time; a loopback address is any machine's own, and the one of nobody leads there, too. */
function isOwnAddress(written: string): boolean {
  const address = written.replace(/^::ffff:(?=\d+\.)/i, "");
  if (address === "::1" || address === "::" || address.startsWith("127.") || address.startsWith("0.")) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => one.address === address) === true);
}
