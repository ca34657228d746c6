/** What `postern check` says about the place of the index. Writes nothing. */
import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Finding } from "postern/plugin";

export async function findings(directory: string, dataDir: string): Promise<readonly Finding[]> {
  if (directory === dataDir)
    return [
      { severity: "error", text: `path: ${directory} is dataDir itself; the index needs a directory of its own` },
    ];
  let names: readonly string[];
  try {
    names = await readdir(directory);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (fault) {
    const { code } = fault as NodeJS.ErrnoException;
    if (code !== "ENOENT") return [{ severity: "error", text: `path: ${directory} cannot be used (${code})` }];
    return (await isWritable(nearest(directory, dataDir)))
      ? []
      : [{ severity: "error", text: `path: ${directory} is not there and cannot be made` }];
  }
  const foreign = names.filter((name) => !/^[0-9a-f]{32}$/.test(name));
  if (foreign.length === 0) return [];
  return [{ severity: "error", text: `path: ${directory} holds what is not the index's (${foreign[0]})` }];
}

/** `dataDir` is made when the server starts. */
const nearest = (directory: string, dataDir: string): string =>
  directory.startsWith(`${dataDir}/`) ? dataDir : dirname(directory);

async function isWritable(directory: string): Promise<boolean> {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === "ENOENT" && dirname(directory) !== directory
      ? isWritable(dirname(directory))
      : false;
  }
}
