/** `user` or `user:group` as numbers, from the files of this machine. What is unknown is a `fault` in words. */
import { readFile } from "node:fs/promises";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly name: string;
}

export async function findOwner(text: string): Promise<Owner | { readonly fault: string }> {
  const [user = "", group] = text.split(":");
  const entry = await lineOf("/etc/passwd", ([name, , uid]) => name === user || uid === user);
  if (!entry) return { fault: `there is no user ${user}` };
  const [name = user, , uid, ownGid, , home = "/"] = entry;
  if (group === undefined) return { uid: Number(uid), gid: Number(ownGid), home, name };
  const groupEntry = await lineOf("/etc/group", ([called, , gid]) => called === group || gid === group);
  if (!groupEntry) return { fault: `there is no group ${group}` };
  return { uid: Number(uid), gid: Number(groupEntry[2]), home, name };
}

async function lineOf(
  path: string,
  isIt: (fields: readonly string[]) => boolean,
): Promise<readonly string[] | undefined> {
  const text = await readFile(path, "utf8");
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .find(isIt);
}
