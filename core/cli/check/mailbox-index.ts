/** Whether the index of mailboxes has the room that it may take. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ServerConfig } from "../../app/config/server-config.ts";
import { mailboxIndexDirectory } from "../../app/data-directory.ts";
import { type Finding, warningAt } from "./finding.ts";

export async function checkMailboxIndex({ dataDir, mailboxIndex }: ServerConfig): Promise<readonly Finding[]> {
  let place = mailboxIndexDirectory(dataDir);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { blocks, bsize } = await statfs(place);
  const heldBytes = blocks * bsize;
  if (mailboxIndex.ceilingBytes <= heldBytes / 2) return [];
  const megabytes = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
  return [
    warningAt(
      "mailboxIndex.maxSize",
      `${megabytes(mailboxIndex.ceilingBytes)} is more than half of the ${megabytes(heldBytes)} of the file system below ${place}, which mail needs, too`,
    ),
  ];
}
