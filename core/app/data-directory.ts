/**
 * The data directory: made at the first start, owned by the user that workers run as, and used by one server only.
 * Throws a `StartError` that says which path and why.
 */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, lchownSync, mkdirSync, readdirSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exitCodes } from "../kernel/exit-codes.ts";
import { StartError } from "./start-error.ts";

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** Numbers of a system user, by its name. */
export function findUser(name: string): SystemUser {
  const numberOf = (flag: string) => {
    try {
      return Number(execFileSync("id", [flag, "--", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
    } catch (cause) {
      throw new StartError(`user: there is no system user ${JSON.stringify(name)}`, exitCodes.config, { cause });
    }
  };
  return { uid: numberOf("-u"), gid: numberOf("-g") };
}

/** Number of a group, by its name; `null` if there is none, or no way to tell. */
export function findGroup(name: string): number | null {
  try {
    const line = execFileSync("getent", ["group", "--", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const gid = /^[^:]*:[^:]*:(\d+):/.exec(line)?.[1];
    return gid === undefined ? null : Number(gid);
  } catch {
    // getent ends with 2 for a group that is none.
    return null;
  }
}

/** Makes the directory and sees that it can be written. */
export async function prepareDataDirectory(dataDir: string, owner: SystemUser | null): Promise<void> {
  try {
    for (const directory of [dataDir, join(dataDir, "spool")]) {
      // Users have to get through it to the maildrop, and can see nothing of it; all else within is closed to them.
      makeDirectory(directory, directory === dataDir ? 0o751 : 0o750);
      // What stands within belongs to the server's user, who must not be able to have root give files of others away by a link.
      const give = directory === dataDir ? chownSync : lchownSync;
      if (owner && process.getuid?.() === 0) give(directory, owner.uid, owner.gid);
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    }
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const exitCode = reason === "EACCES" || reason === "EPERM" ? exitCodes.noPermission : exitCodes.cannotCreate;
    throw new StartError(
      `dataDir: ${dataDir} cannot be used (${reason}): make it, or give it to the user that runs the server`,
      exitCode,
      { cause },
    );
  }
}

/** With its parents, each made by itself: Node's recursive mkdir never ends where the file system forbids it as /proc does. */
function makeDirectory(directory: string, mode: number): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent, 0o755);
  try {
    mkdirSync(directory, { mode });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
  }
}

export const spoolDirectory = (dataDir: string, slot: number): string => join(dataDir, "spool", String(slot));

export const mailboxIndexDirectory = (dataDir: string): string => join(dataDir, "mailbox-index");

export const keyValueDirectory = (dataDir: string): string => join(dataDir, "kv");

/** Spool directories that an earlier start left, by number: with fewer workers now, somebody must still work them off. */
export function existingSlots(dataDir: string): number[] {
  return readdirSync(join(dataDir, "spool"))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}
