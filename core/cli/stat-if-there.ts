/** What stands at a path; `null` if nothing does. Every other failure is passed on: a file that cannot be looked at is not an empty one. */
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { isMissing } from "../spool/errors.ts";

export const statIfThere = (path: string): Promise<Stats | null> =>
  stat(path).catch((cause: unknown) => {
    if (isMissing(cause)) return null;
    throw cause;
  });
