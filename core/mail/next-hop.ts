/** Next hops as administrators write them: `example.org` (its MX), `[mail.example.org]` (that host), each with `:port`. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";

export interface NextHop {
  /** A host name or an IP address without brackets. */
  readonly host: string;
  readonly port: number | null;
  /** Whether MX records are asked for; not for what stands in brackets or is an address. */
  readonly usesMx: boolean;
}

/** `null` if it is no next hop. Takes address literals of RFC 5321 4.1.3 as well. */
export function parseNextHop(raw: string): NextHop | null {
  const match = /^(?:\[(?:IPv6:)?([^\][\s]+)\]|([^\][\s:]+))(?::(\d{1,5}))?$/i.exec(raw.trim());
  if (!match) return null;
  const written = (match[1] ?? match[2] ?? "").toLowerCase();
  // RFC 5891 4.4: DNS knows A-labels. What the conversion would read as the end of a host is none.
  const host = /[^\u0000-\u007f]/.test(written) && !/[/?#@%\\]/.test(written) ? domainToASCII(written) : written;
  const port = match[3] === undefined ? null : Number(match[3]);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  if (isIP(host) === 0 && !/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/.test(host)) return null;
  return { host, port, usesMx: match[1] === undefined && isIP(host) === 0 };
}
