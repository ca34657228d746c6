/**
 * `Accounts`: who has a mailbox here, asked of the plugins. Keeps nothing: directories keep their own indexes and know when
 * those change, a copy here could not. Never throws; what cannot be answered now is `unavailable`, never `unknown`.
 */
import type { AccountAnswer, Accounts, DomainAnswer } from "../contracts/account.ts";
import type { ClaimHooks } from "../contracts/hooks.ts";
import type { Kernel } from "../contracts/kernel.ts";

export function createAccounts(kernel: Pick<Kernel, "claim">): Accounts {
  const find = async (query: Parameters<ClaimHooks["findAccount"]>[0]): Promise<AccountAnswer> => {
    const { verdict } = await kernel.claim("findAccount", query);
    if (verdict === null) return { at: "unknown" };
    if (verdict.verdict === "found") return { at: "found", account: verdict.account };
    return { at: "unavailable", reason: verdict.refusal.text };
  };
  return {
    byAddress: (address) => find({ address }),
    byLogin: (login) => find({ login }),
    async domain(domain): Promise<DomainAnswer> {
      const { verdict } = await kernel.claim("findDomain", { domain: domain.toLowerCase() });
      if (verdict === null) return "foreign";
      return verdict.verdict === "accept" ? "served" : "unavailable";
    },
  };
}
