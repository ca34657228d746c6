/** Whether programs of all users can leave mail, and those see the queue who may: the maildrop, its mode, the way there, the group. */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import type { ServerConfig } from "../../app/config/server-config.ts";
import { findGroup, findUser } from "../../app/data-directory.ts";
import { FRESH_MODE, maildropPlaces } from "../../maildrop/places.ts";
import { lstatIfThere, statIfThere } from "../stat-if-there.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

export async function checkLocalMail(config: ServerConfig): Promise<readonly Finding[]> {
  try {
    return await findingsOf(config);
  } catch (cause) {
    const { code, path, message } = cause as NodeJS.ErrnoException;
    return [errorAt("maildrop", `${path ?? config.maildrop} cannot be looked at (${code ?? message})`)];
  }
}

/** A maildrop that is not there yet is made at the start; what is above it must let users through then, too. */
async function findingsOf({ maildrop, user, mailq }: ServerConfig): Promise<readonly Finding[]> {
  const { fresh } = maildropPlaces(maildrop);
  const findings: Finding[] = [...groupFindings(mailq, user)];
  const made = await lstatIfThere(fresh);
  if (made !== null && !made.isDirectory()) return [errorAt("maildrop", `${fresh} is no directory`)];
  if (made !== null) {
    const owner = ownerOf(user);
    if (owner !== null && made.uid !== owner)
      findings.push(errorAt("maildrop", `${fresh} belongs to user ${made.uid}, and the server runs as ${owner}`));
    if ((made.mode & 0o7777) !== FRESH_MODE)
      findings.push(
        warningAt("maildrop", `${fresh} has mode ${octal(made.mode)}: it is made ${octal(FRESH_MODE)} at the start`),
      );
  }
  const closed = await closedAbove(maildrop);
  if (closed !== null)
    findings.push(
      warningAt(
        "maildrop",
        `${closed} lets only its owner through: sendmail and mailq work for nobody else (chmod o+x ${closed}, or another maildrop)`,
      ),
    );
  return findings;
}

/** Who makes a socket can give it to a group only that he is in. */
function groupFindings(mailq: string, user: string | null): readonly Finding[] {
  if (mailq === "everybody" || mailq === "nobody") return [];
  const gid = findGroup(mailq);
  if (gid === null)
    return [errorAt("mailq", `there is no group ${JSON.stringify(mailq)}: everybody, nobody, or a group`)];
  const groups = user === null ? (process.geteuid?.() === 0 ? [gid] : (process.getgroups?.() ?? [])) : groupsOf(user);
  if (groups.includes(gid)) return [];
  return [errorAt("mailq", `the server's user is no member of the group ${mailq}: nobody but root can see the queue`)];
}

function groupsOf(user: string): readonly number[] {
  try {
    return execFileSync("id", ["-G", "--", user], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .trim()
      .split(" ")
      .map(Number);
  } catch {
    // Told where users are checked.
    return [];
  }
}

/** `null`: nobody is named, and root starts what it will be; or the name is another check's. */
function ownerOf(user: string | null): number | null {
  if (user === null) return process.getuid?.() ?? null;
  try {
    return findUser(user).uid;
  } catch {
    // Told where users are checked.
    return null;
  }
}

/** The first directory on the way that is closed to others. */
async function closedAbove(path: string): Promise<string | null> {
  let closed: string | null = null;
  for (let at = path; ; at = dirname(at)) {
    const stats = await statIfThere(at);
    if (stats !== null && (stats.mode & 0o001) === 0) closed = at;
    if (at === dirname(at)) return closed;
  }
}

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0");
