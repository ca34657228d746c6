/** What `postern check` says of the options. */
import { isIP } from "node:net";
import { parseNextHop } from "postern/mail";
import type { Finding } from "postern/plugin";
import type { Options } from "./options.ts";

export function findings(config: Options): Finding[] {
  const found: Finding[] = [];
  const error = (text: string) => found.push({ severity: "error", text });
  const { smarthost, fallbackRelays, sourceAddress, sourceAddress6, login, tls } = config;
  for (const [key, value] of [
    ["smarthost", smarthost],
    ...fallbackRelays.map((one) => ["fallbackRelays", one] as const),
  ] as const)
    if (value !== undefined && !parseNextHop(value))
      error(`${key} is no host: ${JSON.stringify(value)}; expected like [mail.example.org]:587`);
  if (sourceAddress !== undefined && isIP(sourceAddress) === 0)
    error(`sourceAddress is no IP address: ${JSON.stringify(sourceAddress)}`);
  if (sourceAddress6 !== undefined && isIP(sourceAddress6) !== 6)
    error(`sourceAddress6 is no IPv6 address: ${JSON.stringify(sourceAddress6)}`);
  if (login !== undefined && smarthost === undefined) error("login is only for a smarthost, and there is none");
  const isPasswordSent = login !== undefined || config.authMaps.length > 0;
  if (isPasswordSent && (tls === "none" || tls === "opportunistic")) {
    found.push({
      severity: "warning",
      text: `with tls: ${tls} nobody checks whom the password is sent to; say verified or implicit`,
    });
  }
  return found;
}
