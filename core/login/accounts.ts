/**
 * `Accounts`: who has a mailbox here, asked of the plugins. Keeps nothing: directories keep their own indexes and know when
 * those change, a copy here could not. Never throws; what cannot be answered now is `unavailable`, never `unknown`.
 */
import type { AccountAnswer, Accounts, DomainAnswer } from "../contracts/account.ts";
import type { ClaimHooks } from "../contracts/hooks.ts";
import type { Kernel } from "../contracts/kernel.ts";
import { createEnvelope } from "../kernel/envelope.ts";
import { type Address, withLocalPart } from "../mail/address.ts";
import { splitExtension } from "../mail/extension.ts";

/** `recipientDelimiter`: mail for `user+lists` is mail for `user` where nobody has the whole address. */
export function createAccounts(kernel: Pick<Kernel, "claim">, recipientDelimiter = ""): Accounts {
  const find = async (query: Parameters<ClaimHooks["findAccount"]>[0]): Promise<AccountAnswer> => {
    const { verdict } = await kernel.claim("findAccount", query);
    if (verdict === null) return { at: "unknown" };
    if (verdict.verdict === "found") return { at: "found", account: verdict.account };
    return { at: "unavailable", reason: verdict.refusal.text };
  };
  const byAddress = async (address: Address): Promise<AccountAnswer> => {
    const answer = await find({ address });
    if (answer.at !== "unknown") return answer;
    const { bare, extension } = splitExtension(address.localPart, recipientDelimiter);
    return extension === "" ? answer : find({ address: withLocalPart(address, bare) });
  };
  return {
    byAddress,
    byLogin: (login) => find({ login }),
    async domain(domain): Promise<DomainAnswer> {
      const { verdict } = await kernel.claim("findDomain", { domain: domain.toLowerCase() });
      if (verdict === null) return "foreign";
      return verdict.verdict === "accept" ? "served" : "unavailable";
    },
    async knows(address) {
      const account = await byAddress(address);
      if (account.at !== "unknown") return account.at === "found" ? "known" : "unavailable";
      // A message of nobody, on its way nowhere: only whether the address is an alias is of interest.
      const envelope = createEnvelope({ id: "", origin: "sendmail", session: null, reversePath: null });
      const recipient = envelope.makeRecipient({ address, orcpt: null, notify: new Set(), parents: [] });
      const { verdict } = await kernel.claim("expand", recipient, envelope);
      if (verdict === null || verdict.verdict === "reject") return "unknown";
      return verdict.verdict === "expanded" ? "known" : "unavailable";
    },
  };
}
