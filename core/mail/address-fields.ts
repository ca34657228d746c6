/** Header fields that name a sender or recipients, and the addresses in them: what canonical and masquerade maps look at. */
import { type Address, parseAddress } from "./address.ts";
import { editAddresses } from "./address-editor.ts";

/** Who sends, and who is to be answered. */
export const senderFields: readonly string[] = [
  ...["From", "Sender", "Reply-To", "Errors-To", "Return-Receipt-To", "Disposition-Notification-To"],
  ...["Resent-From", "Resent-Sender", "Resent-Reply-To"],
];

export const recipientFields: readonly string[] = [
  ...["To", "Cc", "Bcc", "Apparently-To"],
  ...["Resent-To", "Resent-Cc", "Resent-Bcc"],
];

const ADDRESSES_LIMIT = 10_000;

/** Each address once, in order; what is none, and what is beyond a bound that no honest message reaches, is left out. */
export function fieldAddresses(
  headers: { all(name: string): readonly string[] },
  fields: readonly string[],
): readonly Address[] {
  const found = new Map<string, Address>();
  for (const value of fields.flatMap((field) => headers.all(field))) {
    editAddresses(Buffer.from(value).toString("latin1"), ({ localPart, domain }) => {
      if (domain === null || found.size >= ADDRESSES_LIMIT) return null;
      const address = parseAddress(Buffer.from(`${localPart}@${domain}`, "latin1").toString());
      if (address) found.set(address.toString(), address);
      return null;
    });
  }
  return [...found.values()];
}
