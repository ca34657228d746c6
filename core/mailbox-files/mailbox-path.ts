/** Where an account's mail lives: the configured path with its placeholders. Throws `StoreError` `cannot` for what is no safe path. */
import { isAbsolute, normalize, resolve } from "node:path";
import type { Account } from "../contracts/account.ts";
import { StoreError } from "../contracts/mailbox-store.ts";

const cannot = (): StoreError => new StoreError("cannot", "The account has no place for mail");

/** One step of a path: a login must not lead anywhere else. */
function step(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/\x00-\x1f\x7f]/.test(text)) throw cannot();
  return text;
}

export function mailboxPath(template: string, account: Account, configDir: string): string {
  const at = account.login.lastIndexOf("@");
  const user = at < 0 ? account.login : account.login.slice(0, at);
  const domain = at < 0 ? (account.addresses[0]?.domain ?? "") : account.login.slice(at + 1);
  const path = template.replace(/\{(user|domain|home)\}/g, (_, what: string) => {
    if (what === "user") return step(user);
    if (what === "domain") return step(domain);
    if (!isAbsolute(account.home) || account.home.includes("\0")) throw cannot();
    return account.home.replace(/\/+$/, "");
  });
  return normalize(resolve(configDir, path)).replace(/\/+$/, "");
}
