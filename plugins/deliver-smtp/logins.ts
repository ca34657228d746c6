/**
 * Who logs in where: the smarthost's own login, and tables by host or next hop (smtp_sasl_password_maps). A password goes to the one it is for and
 * to nobody else, whoever chose the route.
 */
import { parseNextHop } from "postern/mail";
import type { OutboundLogin, Table } from "postern/plugin";

export interface LoginsOptions {
  /** Of the smarthost: only for routes to it. */
  readonly own: { readonly nextHop: string; readonly login: OutboundLogin } | null;
  /** From a host or a next hop to `login:password`. */
  readonly tables: readonly Table[];
  /** Only these mechanisms. */
  readonly mechanisms: readonly string[];
}

/** Rejects when a table cannot answer, or answers with what is no login. */
export function loginsFor({ own, tables, mechanisms }: LoginsOptions) {
  return (host: string, nextHop: string): OutboundLogin | null | Promise<OutboundLogin | null> => {
    if (own !== null && nextHop === own.nextHop) return own.login;
    return tables.length === 0 ? null : find(host, nextHop);
  };

  async function find(host: string, nextHop: string): Promise<OutboundLogin | null> {
    for (const key of keysOf(host, nextHop)) {
      for (const table of tables) {
        const value = await table.get(key);
        if (value !== null) return parse(key, value);
      }
    }
    return null;
  }

  function parse(key: string, value: string): OutboundLogin {
    const colon = value.indexOf(":");
    if (colon < 1) throw new Error(`authMaps: the entry of ${JSON.stringify(key)} is not like login:password`);
    const login = { username: value.slice(0, colon).trim(), password: value.slice(colon + 1).trimEnd() };
    return mechanisms.length === 0 ? login : { ...login, mechanisms };
  }
}

/** As Postfix asks: the host, then the next hop as it is written, then without its port. */
function keysOf(host: string, nextHop: string): readonly string[] {
  const parsed = parseNextHop(nextHop);
  const bare = parsed === null ? [] : [parsed.usesMx ? parsed.host : `[${parsed.host}]`];
  return [...new Set([host.toLowerCase(), nextHop, nextHop.toLowerCase(), ...bare])];
}
