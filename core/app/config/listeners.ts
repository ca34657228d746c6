/** Listeners: their defaults, and what only shows when they are looked at together. */
import { resolve } from "node:path";
import type { ListenerTls } from "../../contracts/session.ts";
import type { LimitKeys, ListenerKeys } from "./keys.ts";
import { grantsOf, peerSlips } from "./listener-peers.ts";
import { clientSlips, proxySlips, socketSlips } from "./listener-slips.ts";
import type { Placed, Slip } from "./mistake.ts";
import type { Limits, ListenerConfig, ListenerPlace } from "./server-config.ts";
import { absolutePairs } from "./tls.ts";

export interface ListenersContext {
  readonly configDir: string;
  readonly limits: LimitKeys;
  readonly hasCertificate: boolean;
}

export function limitsOf(keys: LimitKeys): Limits {
  const { messageSize, headerSize, lineLength, commandTimeout, contentStartTimeout, ...rest } = keys;
  const { contentTimeout, writeTimeout, dataRatePeriod, bareLineEnds = null, ...same } = rest;
  return {
    messageSizeBytes: messageSize,
    headerBytes: headerSize,
    bodyLineBytes: lineLength,
    commandTimeoutMs: commandTimeout,
    contentStartTimeoutMs: contentStartTimeout,
    contentTimeoutMs: contentTimeout,
    writeTimeoutMs: writeTimeout,
    dataRatePeriodMs: dataRatePeriod,
    bareLineEnds,
    ...same,
  };
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
    const listener = withDefaults(keys, place, context);
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
    slips.push(...socketSlips(keys, place, path), ...clientSlips(keys, tls, path), ...proxySlips(keys, place, path));
    slips.push(...peerSlips(keys, path));
    if ((tls === "required" || tls === "implicit") && !context.hasCertificate && keys.certificates === undefined) {
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

/** Of a unix socket: nobody but its owner and group. */
const SOCKET_MODE = 0o660;

function placeOf({ role, host, port, path, mode, owner }: ListenerKeys, configDir: string): ListenerPlace | null {
  if (path !== undefined && port !== undefined) return null;
  if (path !== undefined)
    return {
      at: "path",
      path: resolve(configDir, path),
      mode: mode === undefined ? SOCKET_MODE : Number.parseInt(mode, 8),
      owner: owner ?? null,
    };
  if (port === undefined) return null;
  return { at: "port", host: host === undefined ? usualHost(role) : host === "*" ? null : host, port };
}

/** Mail that is handed back is taken from this machine unless the operator says otherwise. */
const usualHost = (role: string): string | null => (role === "reinject" ? "127.0.0.1" : null);

function withDefaults(
  keys: ListenerKeys,
  place: ListenerPlace,
  { limits, configDir }: ListenersContext,
): ListenerConfig {
  const { certificates, clientCertificates: wanted = "none", clientCa, clientInReceived } = keys;
  const grants = grantsOf(keys);
  const tls: ListenerTls =
    keys.tls ?? (place.at === "path" ? "none" : keys.role === "submission" ? "required" : "optional");
  return {
    name: keys.name ?? `${keys.role}-${place.at === "port" ? place.port : "socket"}`,
    role: keys.role,
    place,
    tls,
    ...(grants && { grants }),
    proxyFrom: keys.proxy?.from ?? [],
    ...(certificates && { certificates: absolutePairs(certificates, configDir) }),
    ...(wanted !== "none" && {
      clients: { wanted, ca: clientCa === undefined ? null : resolve(configDir, clientCa) },
    }),
    ...(clientInReceived !== undefined && { clientInReceived }),
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
