/** The places the server needs on this machine: its ports, its data directory, the user it becomes. */
import { access, constants, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import type { ListenerConfig, ServerConfig } from "../../app/config/server-config.ts";
import { findUser } from "../../app/data-directory.ts";
import { StartError } from "../../app/start-error.ts";
import { UnixSockets } from "../../app/unix-sockets.ts";
import { DirectoryInUse, lockDirectory } from "../../kernel/directory-lock.ts";
import { formatSize } from "../../kernel/units.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

/** Whether each port can be had now: it is opened and closed again. A server that runs already has them. */
export async function checkPorts({ listeners, dataDir }: ServerConfig): Promise<readonly Finding[]> {
  if (await isRunning(dataDir))
    return [warningAt(null, "the server is running: whether its ports can be had was not tried")];
  const findings: Finding[] = [];
  for (const listener of listeners) {
    const cause = await tryPort(listener);
    if (cause !== null) findings.push(cause);
  }
  return findings;
}

async function isRunning(dataDir: string): Promise<boolean> {
  try {
    await (await lockDirectory(dataDir)).release();
    return false;
  } catch (error) {
    // A directory that is not there yet, or cannot be read, is another check's.
    return error instanceof DirectoryInUse;
  }
}

async function tryPort(listener: ListenerConfig): Promise<Finding | null> {
  const { name, place } = listener;
  if (place.at === "path") {
    const parent = dirname(place.path);
    const cause = ownerSlip(listener);
    if (cause !== null) return errorAt(null, cause);
    return (await isWritable(parent)) ? null : errorAt(name, `no socket can be made in ${parent}`);
  }
  if (place.port === 0) return null;
  const server = createServer();
  const code = await new Promise<string | null>((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port: place.port, ...(place.host === null ? {} : { host: place.host }) }, () => resolve(null));
  });
  if (code === null) {
    await new Promise((resolve) => server.close(resolve));
    return null;
  }
  const where = `${place.host ?? "*"}:${place.port}`;
  switch (code) {
    case "EADDRINUSE":
      return errorAt(name, `${where} is in use: by this server already, or by another program`);
    case "EACCES":
      return errorAt(name, `${where} may only be opened by root`);
    case "EADDRNOTAVAIL":
      return errorAt(name, `${where} is no address of this machine`);
    default:
      return errorAt(name, `${where} cannot be opened (${code})`);
  }
}

function ownerSlip(listener: ListenerConfig): string | null {
  try {
    new UnixSockets([listener]);
    return null;
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
}

export async function checkDataDir({ dataDir }: ServerConfig): Promise<readonly Finding[]> {
  const nearest = await nearestExisting(dataDir);
  if (!(await stat(nearest)).isDirectory()) return [errorAt("dataDir", `${nearest} is no directory`)];
  if (await isWritable(nearest)) return [];
  const text =
    nearest === dataDir
      ? `${dataDir} cannot be written`
      : `${dataDir} does not exist, and cannot be made in ${nearest}`;
  return [errorAt("dataDir", text)];
}

/** Whether mail would be put off from the start. */
export async function checkFreeSpace({
  dataDir,
  spool: { minFreeBytes },
}: Pick<ServerConfig, "dataDir" | "spool">): Promise<readonly Finding[]> {
  const place = await nearestExisting(dataDir);
  const { bavail, bsize } = await statfs(place);
  const freeBytes = bavail * bsize;
  if (freeBytes >= minFreeBytes) return [];
  const text = `only ${Math.floor(freeBytes / 1024 / 1024)} MiB are free in ${place}, less than ${formatSize(minFreeBytes)}: no mail would be taken (452 4.3.1)`;
  return [errorAt("spool.minFree", text)];
}

export function checkUser({ user }: ServerConfig): readonly Finding[] {
  const isRoot = process.getuid?.() === 0;
  if (user === null) {
    return isRoot ? [warningAt("user", "no user is set: started by root, the server would stay root")] : [];
  }
  try {
    const { uid } = findUser(user);
    const isSelf = uid === process.getuid?.();
    return isRoot || isSelf ? [] : [warningAt("user", `only root can start the server and become ${user}`)];
  } catch (error) {
    if (error instanceof StartError) return [errorAt("user", error.message)];
    throw error;
  }
}

async function nearestExisting(path: string): Promise<string> {
  let current = path;
  while (current !== dirname(current)) {
    try {
      await stat(current);
      return current;
    } catch {
      // Not there yet, or not to be looked into: its parent tells.
      current = dirname(current);
    }
  }
  return current;
}

const isWritable = (directory: string): Promise<boolean> =>
  access(directory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
