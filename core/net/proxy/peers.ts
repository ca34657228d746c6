/** Who may, and then must, speak for others: a listener's `proxy.from`. */
import { isWithin, type Network, parseNetwork } from "../../mail/network.ts";
import { UNIX } from "../peer-address.ts";

export interface ProxyPeers {
  includes(remoteAddress: string): boolean;
}

/** A text says what is wrong with one of them. */
export function proxyPeers(from: readonly string[]): ProxyPeers | string {
  const networks: Network[] = [];
  const hasUnix = from.includes(UNIX);
  for (const text of from) {
    if (text === UNIX) continue;
    const network = parseNetwork(text);
    if (typeof network === "string") return network;
    networks.push(network);
  }
  return {
    includes(remoteAddress: string): boolean {
      if (remoteAddress === UNIX) return hasUnix;
      return networks.length > 0 && isWithin(remoteAddress, networks) !== null;
    },
  };
}
