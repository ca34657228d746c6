/**
 * Unix sockets of listeners, as the primary sees to them: what a dead server left is cleared away before the start, and a socket
 * that has been bound gets its mode and owner; workers have no right to that any more. Throws a `StartError` for an owner whom the
 * system does not know.
 */
import { execFileSync } from "node:child_process";
import { chmod, lchown, lstat } from "node:fs/promises";
import { exitCodes } from "../kernel/exit-codes.ts";
import { removeDeadSocket } from "../net/listen.ts";
import type { ListenerConfig } from "./config/server-config.ts";
import { StartError } from "./start-error.ts";

interface Owned {
  readonly mode: number;
  /** -1: as it is. */
  readonly uid: number;
  readonly gid: number;
}

export class UnixSockets {
  readonly #byPath = new Map<string, Owned>();

  constructor(listeners: readonly ListenerConfig[]) {
    for (const { name, place } of listeners) {
      if (place.at !== "path") continue;
      this.#byPath.set(place.path, { mode: place.mode, ...numbersOf(place.owner, name) });
    }
  }

  async clear(): Promise<void> {
    for (const path of this.#byPath.keys()) await removeDeadSocket(path);
  }

  /** Until then nobody but its maker may connect. */
  async bound(path: string): Promise<void> {
    const owned = this.#byPath.get(path);
    if (!owned) return;
    const { mode, uid, gid } = owned;
    // Whoever may write in that directory could have put a link there meanwhile: nothing else is given away.
    if (!(await lstat(path)).isSocket()) throw new Error(`${path} is no socket any more`);
    if (uid !== -1 || gid !== -1) await lchown(path, uid, gid);
    await chmod(path, mode);
  }
}

/** Of `user`, `user:group` or `:group`. A user alone keeps the socket's group. */
function numbersOf(owner: string | null, listener: string): { readonly uid: number; readonly gid: number } {
  const [user = "", group = ""] = owner?.split(":") ?? [];
  const numberOf = (database: "passwd" | "group", name: string): number => {
    if (name === "") return -1;
    if (/^\d+$/.test(name)) return Number(name);
    try {
      const line = execFileSync("getent", [database, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
      return Number(line.split(":")[2]);
    } catch (cause) {
      const what = database === "passwd" ? "user" : "group";
      const text = `listener "${listener}": owner: there is no system ${what} ${JSON.stringify(name)}`;
      throw new StartError(text, exitCodes.config, { cause });
    }
  };
  return { uid: numberOf("passwd", user), gid: numberOf("group", group) };
}
