/** What `postern check` says of aliases: names that everybody has to reach, targets that cannot be used, permissions without a use. */
import { parseAddress, parseAliasList } from "postern/mail";
import type { Finding } from "postern/plugin";
import { withIncludes } from "./include.ts";
import { aliasNamed } from "./look-up.ts";
import { isPlaceForFile } from "./mailbox-file.ts";
import type { Site } from "./site.ts";
import { faultOf } from "./targets.ts";

/** RFC 5321 4.5.1, RFC 2142 4; root and mailer-daemon get what programs of this machine write. */
const NEEDED = ["postmaster", "root", "mailer-daemon", "abuse"];
/** All that is wrong with one table; more of the same helps nobody. */
const FINDINGS_LIMIT = 100;

export async function findings(site: Site): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const say = (severity: Finding["severity"], text: string) => {
    if (found.length < FINDINGS_LIMIT) found.push({ severity, text });
  };
  for (const name of NEEDED) {
    if (!(await leadsSomewhere(name, site)))
      say("warning", `${name} has no alias and no mailbox: mail for it is refused or lost to this server's postmaster`);
  }
  for (const table of site.tables) {
    for (const { at, value } of (await table.values?.()) ?? []) {
      const list = await withIncludes(parseAliasList(value), site.allowed.includes);
      for (const mistake of list.mistakes) say("error", `${at}: ${mistake}`);
      for (const target of list.targets) {
        const fault = faultOf(target, site.allowed);
        if (fault !== null) say("error", `${at}: ${fault}`);
        else if (target.kind === "file" && !(await isPlaceForFile(target.path)))
          say("error", `${at}: ${target.path} stands in no directory`);
      }
    }
  }
  const runsCommands = site.allowed.commands || site.forward?.allowed.commands === true;
  if (runsCommands && !site.commands) say("error", "commands are allowed, but no plugin runs them: add deliver-pipe");
  return found;
}

async function leadsSomewhere(name: string, site: Site): Promise<boolean> {
  if (await aliasNamed(name, site)) return true;
  const address = parseAddress(`${name}@${site.facts.origin}`);
  return address !== null && (await site.accounts.knows(address)) !== "unknown";
}
