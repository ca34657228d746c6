/** Addresses that belong to one host, together: they are raced, and tried one after the other. */
import type { MailHost } from "postern/plugin";

export interface Place {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly port: number;
}

/** In the order of the hosts. The same address twice is asked once. */
export function placesOf(hosts: readonly MailHost[], port: number): readonly Place[] {
  const places: { name: string; addresses: string[]; port: number }[] = [];
  for (const { name, address } of hosts) {
    const last = places.at(-1);
    if (last?.name !== name) places.push({ name, addresses: [address], port });
    else if (!last.addresses.includes(address)) last.addresses.push(address);
  }
  return places;
}
