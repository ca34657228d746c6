/** Addresses of a socket's two ends as sessions carry them. */
import type { Socket } from "node:net";
import ipaddr from "ipaddr.js";

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What stands for the address of a client, or of the server, on a unix socket. */
export const UNIX = "unix";

/** `null`: the client has gone already. */
export function remoteEnd(socket: Socket, isUnix: boolean): Endpoint | null {
  if (isUnix) return { address: UNIX, port: 0 };
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? null : { address: plain(remoteAddress), port: remotePort ?? 0 };
}

export function localEnd(socket: Socket, isUnix: boolean): Endpoint {
  if (isUnix) return { address: UNIX, port: 0 };
  return { address: plain(socket.localAddress ?? "::"), port: socket.localPort ?? 0 };
}

/** An address that somebody else wrote, as sessions carry them: in one form (RFC 5952), and IPv4 wherever it is IPv4. */
export const inOneForm = (address: string): string => ipaddr.process(address).toString();

/** RFC 4291 2.5.5.2: an IPv4 client of a socket for both families is an IPv4 client. Scope ids (`%eth0`) are ours, not his. */
function plain(address: string): string {
  const scope = address.indexOf("%");
  const bare = scope < 0 ? address : address.slice(0, scope);
  return bare.startsWith("::ffff:") && bare.includes(".") ? bare.slice(7) : bare;
}
