/** What an accounts file says, whatever its format. */
import { type Address, parseAddress } from "postern/mail";

export interface StoredAccount {
  /** Unique in the file without regard to case. */
  readonly login: string;
  /** At least one. The first one names the home. */
  readonly addresses: readonly [Address, ...Address[]];
  /** `{SCHEME}hash`; empty: nobody can log in. */
  readonly secrets: readonly string[];
  /** As written; `null`: the plugin's template. */
  readonly home: string | null;
  /** 0: no limit; `null`: the usual one. */
  readonly quotaBytes: number | null;
  readonly quotaMessages: number | null;
  /** From 1. */
  readonly line: number;
}

export interface AccountsContent {
  /** Served beside the domains of the accounts' addresses. */
  readonly domains: readonly string[];
  readonly accounts: readonly StoredAccount[];
  readonly warnings: readonly { readonly line: number; readonly text: string }[];
}

/** The file says something that cannot be meant. The message begins with file and line and never quotes a secret. */
export class AccountsFileError extends Error {
  readonly code = "ACCOUNTS_FILE_BROKEN";
  constructor(file: string, line: number, text: string) {
    super(`${file}:${line}: ${text}`);
  }
}

/** One key for all spellings of an address that mean the same mailbox here: local parts are compared without case. */
export const addressKey = ({ localPart, domain }: Address): string => `${loginKey(localPart)}@${domain}`;

export const loginKey = (login: string): string => login.normalize("NFC").toLowerCase();

/** A bare name is completed where one domain is served. A text says what is wrong. */
export function accountAddress(raw: string, domains: readonly string[]): Address | string {
  const whole = parseAddress(raw);
  if (whole) return whole;
  if (raw.includes("@")) return `"${shown(raw)}" is no address`;
  const [domain] = domains;
  if (domain === undefined || domains.length > 1) {
    return `"${shown(raw)}" has no domain, and the plugin's option \`domains\` does not name exactly one`;
  }
  return parseAddress(`${raw}@${domain}`) ?? `"${shown(raw)}" is no address`;
}

/** For messages: short, and without control characters. */
export const shown = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/gu, "?").slice(0, 100);

/** Refuses an address or login that stands twice. */
export function checkUnique(file: string, accounts: readonly StoredAccount[]): void {
  const logins = new Map<string, number>();
  const addresses = new Map<string, number>();
  const once = (seen: Map<string, number>, key: string, line: number, what: string) => {
    const first = seen.get(key);
    if (first !== undefined)
      throw new AccountsFileError(file, line, `${what} ${shown(key)} stands in line ${first} already`);
    seen.set(key, line);
  };
  for (const account of accounts) {
    once(logins, loginKey(account.login), account.line, "login");
    for (const address of account.addresses) once(addresses, addressKey(address), account.line, "address");
  }
}
