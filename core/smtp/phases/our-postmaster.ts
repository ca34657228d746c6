/** Whether an address is this server's postmaster, who is exempt from most refusals. */
import { Accounts } from "../../contracts/account.ts";
import { type Address, literalOf } from "../../mail/address.ts";
import type { Conversation } from "../conversation.ts";

/** RFC 5321 4.5.1: `postmaster` without a domain, of every domain served here, of this host by its name and its address. */
export function isOurPostmaster(
  { parts, session }: Conversation,
  { localPart, domain }: Address,
): boolean | Promise<boolean> {
  if (localPart.toLowerCase() !== "postmaster") return false;
  if (domain === "" || domain === parts.config.hostname.toLowerCase()) return true;
  if (domain.startsWith("[")) return domain === literalOf(session.local.address);
  return parts.kernel
    .service(Accounts)
    .domain(domain)
    .then((answer) => answer === "served");
}
