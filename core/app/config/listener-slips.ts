/** What is wrong within one listener's keys, beyond what their schema can tell. */
import type { ListenerTls } from "../../contracts/session.ts";
import type { Path } from "../../kernel/load/path.ts";
import { parseNetwork } from "../../mail/network.ts";
import type { ListenerKeys } from "./keys.ts";
import type { Slip } from "./mistake.ts";
import type { ListenerPlace } from "./server-config.ts";

const wish = ({ clientCertificates }: ListenerKeys): string => clientCertificates ?? "none";

export function socketSlips(keys: ListenerKeys, place: ListenerPlace, path: Path): Slip[] {
  if (place.at === "path") return [];
  return (["mode", "owner"] as const)
    .filter((key) => keys[key] !== undefined)
    .map((key) => ({
      path: [...path, key],
      at: "key",
      text: `a port has no ${key}`,
      expected: `${key} together with path`,
    }));
}

export function clientSlips(keys: ListenerKeys, tls: ListenerTls, path: Path): Slip[] {
  const { clientCa, clientInReceived, role } = keys;
  const wanted = wish(keys);
  const slips: Slip[] = [];
  const slip = (key: string, text: string, expected: string) => slips.push({ path: [...path, key], text, expected });
  if (wanted === "require" && clientCa === undefined)
    slip(
      "clientCertificates",
      "client certificates are required, but nobody is named who vouches for them",
      "clientCa: FILE",
    );
  if (wanted === "none" && clientCa !== undefined)
    slip(
      "clientCa",
      "clientCa is set, but clients are not asked for a certificate",
      "clientCertificates: ask or require",
    );
  if (wanted !== "none" && tls === "none")
    slip(
      "clientCertificates",
      "clients are asked for a certificate, but there is no TLS here",
      "tls: optional, required or implicit",
    );
  if (clientInReceived !== undefined && role !== "submission")
    slip(
      "clientInReceived",
      `clientInReceived is of no use for the role ${role}`,
      "it at listeners with role: submission",
    );
  return slips;
}

export function proxySlips({ proxy }: ListenerKeys, place: ListenerPlace, path: Path): Slip[] {
  return (proxy?.from ?? []).flatMap((text, at): Slip[] => {
    const where = [...path, "proxy", "from", at];
    if ((text === "unix") !== (place.at === "path")) {
      const isHere = place.at === "path" ? "a unix socket has no networks" : "a port has no clients on a unix socket";
      return [{ path: where, text: isHere, expected: place.at === "path" ? "unix" : "a network such as 192.0.2.0/24" }];
    }
    const network = text === "unix" ? null : parseNetwork(text);
    if (typeof network === "string")
      return [{ path: where, text: network, expected: "a network such as 192.0.2.0/24" }];
    if (network === null || network[1] > 0) return [];
    const open = `${text}: everybody could say who he is`;
    return [{ path: where, text: open, expected: "the networks of your proxies", severity: "warning" }];
  });
}
