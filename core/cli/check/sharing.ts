/** Whether what is shared can be had: accounts that are named exist, and their store can keep rights. */
import type { ServerConfig } from "../../app/config/server-config.ts";
import type { Accounts } from "../../contracts/account.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

export async function checkSharing(
  { sharing }: Pick<ServerConfig, "sharing">,
  { accounts }: { readonly accounts: Pick<Accounts, "byLogin"> },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [name, root] of sharing.roots) {
    if (root.at !== "account") continue;
    const finding = await findingAbout(`sharing.mailboxes.${name}`, root.login, accounts);
    if (finding) findings.push(finding);
  }
  return findings;
}

async function findingAbout(
  about: string,
  login: string,
  accounts: Pick<Accounts, "byLogin">,
): Promise<Finding | null> {
  const answer = await accounts.byLogin(login);
  if (answer.at === "unknown") return errorAt(about, `there is no account ${JSON.stringify(login)}`);
  if (answer.at === "unavailable") return warningAt(about, `${login} cannot be looked up now: ${answer.reason}`);
  const { login: known } = answer.account;
  return known === login ? null : errorAt(about, `this account is called ${known}`);
}
