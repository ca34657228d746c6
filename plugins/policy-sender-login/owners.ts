/** Whose an address is: the logins that the tables name for it, and the addresses of the account that has logged in. */
import { isSameAddress, parseAddress, splitExtension } from "postern/mail";
import {
  type AccountAnswer,
  type Accounts,
  type Address,
  type Identity,
  type Table,
  type Tables,
  whenKnown,
} from "postern/plugin";

/** `unavailable`: a directory cannot tell now. */
export type Ownership =
  | { readonly at: "owned" | "foreign" | "unavailable" }
  /** No table names anybody for it, and it is not the account's own. */
  | { readonly at: "unknown" };

export interface OwnerParts {
  readonly tables: Tables;
  readonly maps: readonly Table[];
  readonly accounts: Accounts;
  readonly ownAddresses: boolean;
  readonly recipientDelimiter: string;
}

/** Logins that may use this sender, `null` if no table has it. A table that cannot answer throws or rejects. */
export function ownersOf(
  address: Address,
  { tables, maps }: OwnerParts,
): readonly string[] | null | Promise<readonly string[] | null> {
  return whenKnown(tables.findAddress(maps, address, "virtual"), (hit) =>
    hit ? hit.value.split(/[\s,]+/).filter((login) => login !== "") : null,
  );
}

export async function ownership(address: Address, identity: Identity, parts: OwnerParts): Promise<Ownership> {
  const owners = await ownersOf(address, parts);
  if (owners?.some((login) => login.toLowerCase() === identity.login.toLowerCase())) return { at: "owned" };
  if (parts.ownAddresses) {
    const own = await addressesOf(identity, parts.accounts);
    if (own === "unavailable") return { at: "unavailable" };
    const bare = { ...address, localPart: splitExtension(address.localPart, parts.recipientDelimiter).bare };
    if (own.some((one) => isSameAddress(one, address) || isSameAddress(one, bare))) return { at: "owned" };
  }
  return { at: owners === null ? "unknown" : "foreign" };
}

async function addressesOf(
  { login, account }: Identity,
  accounts: Accounts,
): Promise<readonly Address[] | "unavailable"> {
  const answer: AccountAnswer = account ? { at: "found", account } : await accounts.byLogin(login);
  if (answer.at === "unavailable") return "unavailable";
  // Logins are addresses; whoever proved one, by LDAP say, has it also where no directory knows the account.
  const byName = parseAddress(login);
  return [...(byName ? [byName] : []), ...(answer.at === "found" ? answer.account.addresses : [])];
}
