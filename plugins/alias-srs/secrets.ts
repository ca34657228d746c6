/** The secrets of a file: one a line, the first of them signs, older ones below are still believed. Throws in words for the operator. */
import { readFile, stat } from "node:fs/promises";

const MINIMUM = 16;
const LIMIT = 10;

export async function readSecrets(path: string): Promise<readonly [string, ...string[]]> {
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${cause.code ?? ""})`;
    throw new Error(`secretFile: ${path} ${what}; \`openssl rand -base64 32\` makes a secret`, { cause });
  });
  const [first, ...older] = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (first === undefined) throw new Error(`secretFile: ${path} is empty`);
  if ([first, ...older].some((secret) => secret.length < MINIMUM))
    throw new Error(`secretFile: ${path} has a secret of less than ${MINIMUM} characters`);
  if (older.length >= LIMIT) throw new Error(`secretFile: ${path} has more than ${LIMIT} secrets`);
  return [first, ...older];
}

/** Whether others can read it. */
export const isOpenToOthers = async (path: string): Promise<boolean> => ((await stat(path)).mode & 0o007) !== 0;
