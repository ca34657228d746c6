/**
 * The administrator's table of TLS levels by destination: asked for the next hop as it is written, then for its domain, then for the domains above it
 * with a dot in front, as in Postfix. A table that cannot answer now rejects, and a value that is no entry is told as a mistake: either way
 * the mail waits, and is not sent less safely.
 */
import type { NextHop } from "postern/mail";
import type { Finding, Table } from "postern/plugin";
import { type ReadEntry, readPolicyEntry } from "./policy-entry.ts";

export type FoundEntry = ReadEntry & { readonly key: string };

const DOMAINS_LIMIT = 10;

export async function findPolicy(tables: readonly Table[], nextHop: NextHop): Promise<FoundEntry | null> {
  for (const [index, key] of keysOf(nextHop).entries()) {
    for (const table of tables) {
      if ((table.kind ?? "exact") !== "exact" && index > 0) continue; // it has seen the whole
      const value = await table.get(key);
      if (value !== null) return { ...readPolicyEntry(value), key };
    }
  }
  return null;
}

/** What `postern check` says of the tables: everything that would keep mail back. */
export async function policyFindings(tables: readonly Table[], specs: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, table] of tables.entries()) {
    for (const { at, value } of (await table.values?.()) ?? []) {
      const read = readPolicyEntry(value);
      if (!read.ok)
        findings.push({ severity: "error", text: `${specs[index] ?? "tlsPolicies"}, ${at}: ${read.mistake}` });
    }
  }
  return findings;
}

function keysOf({ host, port, usesMx }: NextHop): readonly string[] {
  const written = `${usesMx ? host : `[${host}]`}${port === null ? "" : `:${port}`}`;
  const domains = host.split(".").slice(1).slice(-DOMAINS_LIMIT);
  // Postfix: parents count for domains alone, not for hosts that somebody named
  const parents = usesMx ? domains.map((_, index) => `.${domains.slice(index).join(".")}`) : [];
  return [...new Set([written, host, ...parents])];
}
