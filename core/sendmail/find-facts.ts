/**
 * Where the server is: it has written that down in a file that anybody may read (the config may have secrets in it). Looked for where `-C`
 * or the environment says, in /etc/postern, and in the usual data directory.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { exitCodes } from "../kernel/exit-codes.ts";
import { FACTS_FILE, parseFacts, type SendmailFacts } from "../maildrop/facts.ts";
import { SendmailError } from "./sendmail-error.ts";

export const FACTS_VARIABLE = "POSTERN_SENDMAIL";
const PLACES: readonly string[] = ["/etc/postern", "/var/lib/postern"];

/** `given`: a file, or the data directory that it stands in. Throws a `SendmailError` (69, 77). */
export function findFacts(given: string | null, env: Readonly<Record<string, string | undefined>>): SendmailFacts {
  const named = given ?? env[FACTS_VARIABLE];
  const paths = named === undefined || named === "" ? PLACES : [named];
  for (const place of paths) {
    const text = read(place);
    if (text === null) continue;
    const facts = parseFacts(text);
    if (facts === null)
      throw new SendmailError(`${place}: this is not what a server of this version writes`, exitCodes.unavailable);
    return facts;
  }
  throw new SendmailError(
    `no server is known here: there is no ${FACTS_FILE} in ${paths.join(" or ")}. It is written to the data directory when the server starts; see -C`,
    exitCodes.unavailable,
  );
}

function read(place: string): string | null {
  try {
    const isDirectory = statSync(place).isDirectory();
    return readFileSync(isDirectory ? join(place, FACTS_FILE) : place, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new SendmailError(
      `${place} cannot be read (${code})`,
      code === "EACCES" ? exitCodes.noPermission : exitCodes.unavailable,
      { cause },
    );
  }
}
