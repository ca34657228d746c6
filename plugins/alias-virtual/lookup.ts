/** The query order of virtual(5) for one address, over several tables. A table that cannot answer rejects. */
import type { Address, Table } from "postern/plugin";

export interface LookupOptions {
  readonly tables: readonly Table[];
  /** Separates a local part from its extension; empty: there are none. */
  readonly recipientDelimiter: string;
  /** The domain for which a bare local part may stand as a key. */
  readonly origin: string;
}

export interface Match {
  readonly key: string;
  readonly value: string;
  /** The extension that the key left out, delimiter included: it goes on to the targets. */
  readonly extension: string;
}

export async function lookUp(address: Address, options: LookupOptions): Promise<Match | null> {
  for (const { key, extension } of queryKeys(address, options)) {
    for (const table of options.tables) {
      const answer = table.get(key);
      const value = answer instanceof Promise ? await answer : answer;
      if (value !== null) return { key, value, extension };
    }
  }
  return null;
}

function queryKeys(
  address: Address,
  { recipientDelimiter, origin }: LookupOptions,
): { key: string; extension: string }[] {
  const [whole, bare, extension] = splitExtension(address.localPart.toLowerCase(), recipientDelimiter);
  const forms =
    extension === ""
      ? [{ local: whole, extension }]
      : [
          { local: whole, extension: "" },
          { local: bare, extension },
        ];
  const keys = forms.map((form) => ({ key: `${form.local}@${address.domain}`, extension: form.extension }));
  if (address.domain === origin) keys.push(...forms.map((form) => ({ key: form.local, extension: form.extension })));
  return [...keys, { key: `@${address.domain}`, extension: "" }];
}

function splitExtension(localPart: string, delimiter: string): [whole: string, bare: string, extension: string] {
  const at = delimiter === "" ? -1 : localPart.indexOf(delimiter, 1);
  return at < 0 ? [localPart, localPart, ""] : [localPart, localPart.slice(0, at), localPart.slice(at)];
}
