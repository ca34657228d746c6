/** What a listener of SMTP or LMTP grants to named clients. */

import type { Path } from "../../kernel/load/path.ts";
import { parseDomain } from "../../mail/address.ts";
import { parseNetwork } from "../../mail/network.ts";
import type { PeerGrants } from "../../smtp/peers.ts";
import type { ListenerKeys } from "./keys.ts";
import type { Slip } from "./mistake.ts";

type PeerKey = "from" | "xclient" | "xforward" | "vrfy" | "etrn" | "etrnDomains";
const peerKeys: readonly PeerKey[] = ["from", "xclient", "xforward", "vrfy", "etrn", "etrnDomains"];
const smtpRoles: ReadonlySet<string> = new Set(["mx", "submission", "lmtp", "reinject"]);

/** A content filter runs on the same machine as a rule. */
const OWN_MACHINE = ["127.0.0.0/8", "::1/128", "unix"];

/** `null`: nothing is granted to anybody. */
export function grantsOf(keys: ListenerKeys): PeerGrants | null {
  const isReinject = keys.role === "reinject";
  if (!isReinject && peerKeys.every((key) => keys[key] === undefined)) return null;
  const from = keys.from ?? (isReinject ? OWN_MACHINE : null);
  return {
    from,
    xclient: keys.xclient ?? [],
    // Whoever may hand mail back may also say whose it was.
    xforward: keys.xforward ?? (isReinject ? (from ?? []) : []),
    vrfy: keys.vrfy ?? "off",
    etrn: keys.etrn ?? "off",
    etrnDomains: keys.etrnDomains ?? null,
  };
}

export function peerSlips(keys: ListenerKeys, path: Path): Slip[] {
  const slips: Slip[] = [];
  const written = peerKeys.filter((key) => keys[key] !== undefined);
  for (const key of smtpRoles.has(keys.role) ? [] : written) {
    const text = `${key} is of no use for the role ${keys.role}`;
    slips.push({ path: [...path, key], at: "key", text, expected: "it at listeners of SMTP and LMTP" });
  }
  for (const key of ["from", "xclient", "xforward", "vrfy", "etrn"] as const) {
    const networks = keys[key];
    if (Array.isArray(networks)) slips.push(...networkSlips(keys, key, networks, path));
  }
  for (const [at, domain] of (keys.etrnDomains ?? []).entries()) {
    if (parseDomain(domain) !== null) continue;
    slips.push({ path: [...path, "etrnDomains", at], text: `"${domain}" is no domain`, expected: "a domain" });
  }
  // RFC 2033 5: not on the port of SMTP
  if (keys.role === "lmtp" && keys.port === 25) {
    const text = "LMTP is never spoken on port 25";
    slips.push({ path: [...path, "port"], text, expected: "another port, or path: SOCKET" });
  }
  if (keys.etrn === "always" && keys.etrnDomains === undefined) {
    const text = "everybody may start queue runs for any domain";
    slips.push({ path: [...path, "etrn"], text, expected: "etrnDomains: [DOMAIN]", severity: "warning" });
  }
  return slips;
}

function networkSlips(keys: ListenerKeys, key: PeerKey, networks: readonly string[], path: Path): Slip[] {
  return networks.flatMap((text, at): Slip[] => {
    const where = [...path, key, at];
    const network = text === "unix" ? null : parseNetwork(text);
    if (typeof network === "string")
      return [{ path: where, text: network, expected: "a network such as 192.0.2.0/24, or unix" }];
    if (network === null || network[1] > 0) return [];
    const isOpenRelay = key === "from" && keys.role === "reinject";
    if (isOpenRelay) {
      const open = `${text}: everybody could send mail to anybody through here`;
      return [{ path: where, text: open, expected: "the networks of your content filters" }];
    }
    if (key !== "xclient" && key !== "xforward") return [];
    const open = `${text}: everybody could say who he is`;
    return [{ path: where, text: open, expected: "the networks of your proxies", severity: "warning" }];
  });
}
