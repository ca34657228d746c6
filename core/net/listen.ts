/**
 * Binds a server to its place. Throws `ListenError` with a text for the operator. A unix socket that a dead process left
 * behind is removed; one that somebody answers on is not.
 */
import cluster from "node:cluster";
import { chmod, stat, unlink } from "node:fs/promises";
import { connect, type ListenOptions, type Server } from "node:net";
import { ListenError } from "./net-errors.ts";

/** `host: null`: all addresses of both families. */
export type ListenPlace =
  | { readonly at: "port"; readonly host: string | null; readonly port: number }
  /** `mode`: permissions of the socket. In a worker the primary has made it, and sees to that. */
  | { readonly at: "path"; readonly path: string; readonly mode?: number };

const BACKLOG = 511;

export async function listen(server: Server, name: string, place: ListenPlace): Promise<void> {
  try {
    await bind(server, place);
  } catch (error) {
    if (place.at !== "path" || codeOf(error) !== "EADDRINUSE" || !(await removeDeadSocket(place.path)))
      fail(name, place, error);
    await bind(server, place).catch((again: unknown) => fail(name, place, again));
  }
  if (place.at === "path" && place.mode !== undefined && !cluster.isWorker) await chmod(place.path, place.mode);
}

/** Whether a socket that nobody answers on was there, and is gone now. Anything else stays. */
export async function removeDeadSocket(path: string): Promise<boolean> {
  try {
    if (!(await isDead(path))) return false;
    await unlink(path);
    return true;
  } catch (error) {
    // It was never there, or may not be touched: binding will tell.
    if (typeof codeOf(error) === "string") return false;
    throw error;
  }
}

export const placeText = (place: ListenPlace): string => {
  if (place.at === "path") return place.path;
  const host = place.host ?? "*";
  return host.includes(":") ? `[${host}]:${place.port}` : `${host}:${place.port}`;
};

function bind(server: Server, place: ListenPlace): Promise<void> {
  const options: ListenOptions =
    place.at === "path"
      ? { path: place.path, backlog: BACKLOG }
      : { port: place.port, backlog: BACKLOG, ...(place.host === null ? {} : { host: place.host }) };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function isDead(path: string): Promise<boolean> {
  // Connecting to a common file is refused, too, and that file is somebody's.
  if (!(await stat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(false);
    });
    probe.once("error", (error) => resolve(codeOf(error) === "ECONNREFUSED"));
  });
}

function fail(name: string, place: ListenPlace, error: unknown): never {
  const at = `listener "${name}": cannot listen on ${placeText(place)}`;
  throw new ListenError(`${at}: ${reason(place, error)}`, { cause: error });
}

function reason(place: ListenPlace, error: unknown): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return place.at === "path"
        ? "another process listens there, or it is no socket"
        : "the port is in use by another process";
    case "EACCES":
    case "EPERM":
      return place.at === "port" && place.port < 1024
        ? "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE"
        : "permission denied";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address";
    case "EAFNOSUPPORT":
      return "this machine does not speak that address family";
    case "ENOENT":
      return "the directory does not exist";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name cannot be resolved";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
