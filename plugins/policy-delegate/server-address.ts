/** Where a policy server listens, as check_policy_service has it: `inet:127.0.0.1:10023`, `inet:[::1]:10023`, `unix:/run/x/socket`. */
import { isIP } from "node:net";
import { resolve } from "node:path";

export type ServerAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** Relative paths are relative to `directory`. A string says what is wrong. */
export function parseServerAddress(raw: string, directory: string): ServerAddress | string {
  const unix = /^unix:(.+)$/.exec(raw);
  if (unix) return { path: resolve(directory, unix[1] ?? "") };
  const inet = /^inet:(?:\[([^\]\s]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(raw);
  const port = Number(inet?.[3] ?? 0);
  const host = inet?.[1] ?? inet?.[2] ?? "";
  if (!inet || port < 1 || port > 65_535 || (inet[1] !== undefined && isIP(host) === 0))
    return `server is ${JSON.stringify(raw)}; expected inet:host:port or unix:path`;
  return { host, port };
}
