/** What `postern check` says about this plugin's options and the Maildirs that are there. Looks at some accounts only where there are many. */

import { accessSync, constants, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Account, type AccountAdmins, type Finding, StoreError } from "postern/plugin";
import { errnoOf, faultInFormat, mailboxPath } from "postern/store";
import type { Layout } from "./folder-name.ts";
import { otherFormatAt, otherLayoutIn } from "./layout-found.ts";

const MAX_ACCOUNTS = 200;

interface Checked {
  readonly path: string;
  readonly configDir: string;
  readonly layout: Layout;
  readonly uniqueIds: string;
}

export async function findings(options: Checked, admins: AccountAdmins | null): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const error = (text: string) => found.push({ severity: "error", text });
  const fault = faultInFormat(options.uniqueIds, ["f", "g", "m"]);
  if (fault) error(`uniqueIds is ${JSON.stringify(options.uniqueIds)}: ${fault}`);
  for (const [placeholder] of options.path.matchAll(/\{[^}]*\}/g)) {
    if (!["{user}", "{domain}", "{home}"].includes(placeholder)) {
      error(`path has ${placeholder}; expected {user}, {domain} or {home}`);
    }
  }
  if (!/\{(?:user|home)\}/.test(options.path)) {
    error("path has neither {user} nor {home}: all accounts would have one mailbox");
  }
  if (found.length > 0) return found;
  const seen = new Set<string>();
  for (const root of await maildirs(options, admins)) {
    if (seen.has(root)) continue;
    seen.add(root);
    found.push(...findingsAt(root, options.layout));
  }
  return found;
}

/** Of accounts that can be listed; else whatever stands where the path says. */
async function maildirs({ path, configDir }: Checked, admins: AccountAdmins | null): Promise<readonly string[]> {
  const roots: string[] = [];
  for (const admin of admins?.all ?? []) {
    for (const { login, addresses, home } of (await admin.list()).slice(0, MAX_ACCOUNTS - roots.length)) {
      const root = placeOf(path, { login, addresses, home, quotaBytes: null }, configDir);
      if (root !== null) roots.push(root);
    }
  }
  return roots.length > 0 || path.includes("{home}") ? roots : matching(resolve(configDir, path));
}

function placeOf(path: string, account: Account, configDir: string): string | null {
  try {
    return mailboxPath(path, account, configDir);
  } catch (cause) {
    if (cause instanceof StoreError) return null;
    throw cause;
  }
}

function matching(template: string): readonly string[] {
  let paths = ["/"];
  for (const step of template.split("/").filter((part) => part !== "")) {
    paths = paths.flatMap((path) =>
      step.includes("{") ? entriesLike(path, step).map((name) => join(path, name)) : [join(path, step)],
    );
    paths = paths.slice(0, MAX_ACCOUNTS);
  }
  return paths;
}

function entriesLike(path: string, step: string): readonly string[] {
  const parts = step.split(/\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`^${parts.join("[^.].*")}$`);
  try {
    return readdirSync(path).filter((name) => pattern.test(name));
  } catch (cause) {
    if (errnoOf(cause) === "") throw cause;
    return [];
  }
}

function findingsAt(root: string, layout: Layout): readonly Finding[] {
  const format = otherFormatAt(root);
  if (format !== null) return [{ severity: "error", text: `${root} is ${format}; expected a Maildir` }];
  const unusable = unusableAt(root);
  if (unusable !== null) return [{ severity: "error", text: unusable }];
  const other = otherLayoutIn(root, layout);
  if (!other) return [];
  const text = `${root} has folders of the layout ${other.kind}, like ${other.example}, and layout is ${layout.kind}: nobody would see them`;
  return [{ severity: "error", text }];
}

/** The Maildir, or where it would be made, cannot be written by this user. */
function unusableAt(root: string): string | null {
  let place = root;
  while (place !== "/" && !statSync(place, { throwIfNoEntry: false })) place = dirname(place);
  for (const path of place === root ? [root, join(root, "cur"), join(root, "new"), join(root, "tmp")] : [place]) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") continue;
      return `${path} cannot be used by this user (${errnoOf(cause)})`;
    }
  }
  return null;
}
