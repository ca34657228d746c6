/** Whether an address of a relay domain exists: its table says so, or an alias here leads somewhere else. */
import {
  type Accept,
  type Accounts,
  type Address,
  accept,
  type Defer,
  defer,
  fillText,
  type Reject,
  reject,
  type Table,
  type Tables,
} from "postern/plugin";

interface Asked {
  /** Tables of relay_recipient_maps: `user@domain`, or `@domain` for all of them; the value says nothing. */
  readonly tables: readonly Table[];
  readonly texts: { readonly unknown: string; readonly unavailable: string };
  readonly accounts: Accounts;
}

export async function judgeRecipient(
  address: Address,
  { tables: recipients, texts, accounts, ...needs }: Asked & { readonly find: Tables["findAddress"] },
): Promise<Accept | Reject | Defer> {
  const values = { recipient: String(address) };
  if (await needs.find(recipients, address, "virtual")) return accept("relay recipient");
  const known = await accounts.knows(address);
  if (known === "known") return accept("alias in a relay domain");
  if (known === "unavailable") return defer(fillText(texts.unavailable, values), { code: 450, detail: "4.3" });
  return reject(fillText(texts.unknown, values), { code: 550, detail: "1.1" });
}
