/** Recipients of one message as a host's limits let them go together (RFC 9422 4). */
import type { Recipient } from "../contracts/envelope.ts";
import type { Features } from "./features.ts";

export function recipientGroups(
  recipients: readonly Recipient[],
  { limits }: Features,
): readonly (readonly Recipient[])[] {
  if (recipients.length <= limits.recipients && limits.recipientDomains === Number.POSITIVE_INFINITY)
    return [recipients];
  const groups: Recipient[][] = [];
  let domains = new Set<string>();
  for (const recipient of recipients) {
    const group = groups.at(-1);
    const { domain } = recipient.address;
    const fits =
      group !== undefined &&
      group.length < limits.recipients &&
      (domains.has(domain) || domains.size < limits.recipientDomains);
    if (fits) group.push(recipient);
    else {
      groups.push([recipient]);
      domains = new Set();
    }
    domains.add(domain);
  }
  return groups;
}
