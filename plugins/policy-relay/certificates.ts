/** Client certificates by their fingerprint, as tables of relay_clientcerts have them. A table that cannot answer rejects. */
import type { Table } from "postern/plugin";

/** `fingerprint` in lower case hex. Postfix writes colons between the octets; both forms count. */
export async function isListedCertificate(fingerprint: string, tables: readonly Table[]): Promise<boolean> {
  const colons = fingerprint.match(/../g)?.join(":") ?? fingerprint;
  for (const table of tables) {
    for (const key of [colons, fingerprint]) {
      if ((await table.get(key)) !== null) return true;
    }
  }
  return false;
}
