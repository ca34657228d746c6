/**
 * How many connections a listener has, in all and from each network address. Bounded by the connections themselves: an
 * address without connections is forgotten. Counts are a worker's own.
 */
import ipaddr from "ipaddr.js";

export interface ConnectionLimits {
  /** Connections open at once. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #perAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** Counts a connection in; answers how to count it out, or `null` when the limit is reached. */
  enter(remoteAddress: string): (() => void) | null {
    const key = networkOf(remoteAddress);
    const fromThere = this.#perAddress.get(key) ?? 0;
    if (this.#total >= this.#limits.connections) return null;
    // Whoever reaches a unix socket was let in by its file permissions.
    if (key !== "unix" && fromThere >= this.#limits.connectionsPerAddress) return null;
    this.#total += 1;
    this.#perAddress.set(key, fromThere + 1);
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      this.#total -= 1;
      const left = (this.#perAddress.get(key) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(key, left);
      else this.#perAddress.delete(key);
    };
  }
}

/** An IPv6 customer has a /64 at least, and can come from each of its addresses. */
export function networkOf(remoteAddress: string): string {
  if (!remoteAddress.includes(":") || !ipaddr.isValid(remoteAddress)) return remoteAddress;
  const address = ipaddr.parse(remoteAddress);
  return address instanceof ipaddr.IPv6 && !address.isIPv4MappedAddress()
    ? address.parts.slice(0, 4).join(":")
    : remoteAddress;
}
