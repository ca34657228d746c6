/** What the stored passwords are good for, told by their schemes. Knows names only: whoever checks passwords knows the rest. */
import type { LoginMethod } from "postern/plugin";
import type { StoredAccount } from "./content.ts";

const CLEAR = ["PLAIN", "CLEARTEXT", "CLEAR"];
/** Billions of guesses a second. */
const QUICK = ["SSHA512", "SSHA256", "SSHA", "SMD5", "SHA512", "SHA256", "SHA", "SHA1", "PLAIN-MD5", "LDAP-MD5"];

export const schemeOf = (secret: string): string => /^\{([A-Za-z0-9-]+)/.exec(secret)?.[1]?.toUpperCase() ?? "";

/**
 * SCRAM is for all or for none: clients prefer it where it is offered, and those without a secret that fits could not log in.
 */
export function methodsOf(accounts: readonly Pick<StoredAccount, "secrets">[]): readonly LoginMethod[] {
  const kinds = accounts.filter(({ secrets }) => secrets.length > 0).map(({ secrets }) => secrets.map(schemeOf));
  if (kinds.length === 0) return [];
  const fits = (scheme: string) => kinds.every((kind) => kind.some((one) => one === scheme || CLEAR.includes(one)));
  return [
    ...(fits("SCRAM-SHA-256") ? (["scram-sha-256"] as const) : []),
    ...(fits("SCRAM-SHA-1") ? (["scram-sha-1"] as const) : []),
  ];
}

/** Warnings for `postern check`, each with the lines it is about. */
export function weaknesses(accounts: readonly StoredAccount[]): readonly string[] {
  const linesWith = (schemes: readonly string[]) =>
    accounts
      .filter(({ secrets }) => secrets.some((secret) => schemes.includes(schemeOf(secret))))
      .map(({ line }) => line);
  const [clear, quick] = [linesWith(CLEAR), linesWith(QUICK)];
  return [
    ...(clear.length > 0 ? [`passwords are stored in clear (${places(clear)})`] : []),
    ...(quick.length > 0 ? [`passwords are stored with digests that are quick to guess (${places(quick)})`] : []),
  ];
}

const places = (lines: readonly number[]): string =>
  `${lines.length === 1 ? "line" : "lines"} ${lines.slice(0, 5).join(", ")}${lines.length > 5 ? " ..." : ""}`;
