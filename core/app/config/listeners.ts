/** Listeners: their defaults, and what only shows when they are looked at together. */
import { resolve } from "node:path";
import type { ListenerTls } from "../../contracts/session.ts";
import type { LimitKeys, ListenerKeys } from "./keys.ts";
import type { Placed, Slip } from "./mistake.ts";
import type { Limits, ListenerConfig, ListenerPlace } from "./server-config.ts";

export interface ListenersContext {
  readonly configDir: string;
  readonly limits: LimitKeys;
  readonly hasCertificate: boolean;
}

export function limitsOf(keys: LimitKeys): Limits {
  const { messageSize, ...rest } = keys;
  return { messageSizeBytes: messageSize, ...rest };
}

/** RFC 8314 3.2 and 3.3: these ports mean TLS from the first byte. */
const implicitPorts: ReadonlyMap<number, string> = new Map([
  [465, "submission"],
  [993, "imap"],
  [995, "pop3"],
]);

export function readListeners(
  written: readonly Placed<ListenerKeys>[],
  context: ListenersContext,
): { readonly listeners: readonly Placed<ListenerConfig>[]; readonly slips: readonly Slip[] } {
  const slips: Slip[] = [];
  const listeners: Placed<ListenerConfig>[] = [];
  for (const { position, of: keys } of written) {
    const path = ["listeners", position];
    const place = placeOf(keys, context.configDir);
    if (place === null) {
      const text =
        keys.port === undefined ? "a listener has neither port nor path" : "a listener has both port and path";
      slips.push({ path, at: "key", text, expected: "port: NUMBER, or path: SOCKET" });
      continue;
    }
    if (place.at === "path" && keys.host !== undefined) {
      slips.push({
        path: [...path, "host"],
        at: "key",
        text: "a unix socket has no host",
        expected: "host together with port",
      });
    }
    const listener = withDefaults(keys, place, context.limits);
    const { name, tls } = listener;
    const sameName = listeners.find(({ of }) => of.name === name);
    if (sameName) {
      const text = `there is another listener named "${name}"`;
      slips.push({
        path: keys.name === undefined ? path : [...path, "name"],
        text,
        expected: "name: a name of its own",
      });
    }
    const samePlace = listeners.find(({ of }) => collide(of.place, place));
    if (samePlace) {
      const text = `${place.at === "port" ? `port ${place.port}` : place.path} is taken by the listener "${samePlace.of.name}"`;
      slips.push({ path: [...path, place.at], text, expected: "a place of its own" });
    }
    if ((tls === "required" || tls === "implicit") && !context.hasCertificate) {
      const because = keys.tls === undefined ? ` (the default for the role ${keys.role})` : "";
      const text = `tls is ${tls}${because}, but there is no certificate`;
      slips.push({
        path: [...path, ...(keys.tls ? ["tls"] : [])],
        text,
        expected: "tls: { cert, key } or tls: self-signed at the top",
      });
    }
    const usual = place.at === "port" ? implicitPorts.get(place.port) : undefined;
    if (usual !== undefined && usual === keys.role && tls !== "implicit") {
      const text = `port ${keys.port} is known for TLS from the first byte, but tls is ${tls}`;
      slips.push({ path: [...path, "port"], text, expected: "tls: implicit", severity: "warning" });
    }
    listeners.push({ position, of: listener });
  }
  return { listeners, slips };
}

function placeOf({ host, port, path }: ListenerKeys, configDir: string): ListenerPlace | null {
  if (path !== undefined) return port === undefined ? { at: "path", path: resolve(configDir, path) } : null;
  if (port === undefined) return null;
  return { at: "port", host: host === undefined || host === "*" ? null : host, port };
}

function withDefaults(keys: ListenerKeys, place: ListenerPlace, limits: LimitKeys): ListenerConfig {
  const tls: ListenerTls =
    keys.tls ?? (place.at === "path" ? "none" : keys.role === "submission" ? "required" : "optional");
  return {
    name: keys.name ?? `${keys.role}-${place.at === "port" ? place.port : "socket"}`,
    role: keys.role,
    place,
    tls,
    proxyFrom: [],
    limits: limitsOf({ ...limits, ...keys.limits }),
  };
}

/** Whether the system would refuse the second of them. Port 0 is another one each time. */
function collide(one: ListenerPlace, other: ListenerPlace): boolean {
  if (one.at === "path" || other.at === "path")
    return one.at === other.at && "path" in one && "path" in other && one.path === other.path;
  return (
    one.port !== 0 && one.port === other.port && (one.host === null || other.host === null || one.host === other.host)
  );
}
