/** What stands at a path; `null` if nothing does. Every other failure is passed on: a file that cannot be looked at is not an empty one. */
import type { Stats } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { isMissing } from "../spool/errors.ts";

export const statIfThere = (path: string): Promise<Stats | null> => ifThere(stat(path));

/** A link itself, and not what it leads to. */
export const lstatIfThere = (path: string): Promise<Stats | null> => ifThere(lstat(path));

const ifThere = (looked: Promise<Stats>): Promise<Stats | null> =>
  looked.catch((cause: unknown) => {
    if (isMissing(cause)) return null;
    throw cause;
  });
