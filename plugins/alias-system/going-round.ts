/**
 * Loops through other servers: mail that leaves by an alias or a `.forward` says whose it was (`Delivered-To`), and what comes back with that
 * is not forwarded again.
 */
import { isSameAddress, wasDeliveredTo } from "postern/mail";
import type { Envelope, Message, Recipient } from "postern/plugin";

/** `names`: addresses that were expanded for this message. */
export const comesBack = (names: ReadonlySet<string>, message: Message, { parents }: Recipient): boolean =>
  names.size > 0 && parents.some((parent) => names.has(String(parent)) && wasDeliveredTo(message, parent));

/**
 * The name that all recipients stand behind, if there is one: a message has one header for all of them. Whoever keeps a copy has that name,
 * and would be told that the copy was there before.
 */
export function commonName(names: ReadonlySet<string>, { recipients }: Envelope): string | null {
  const [first] = recipients;
  if (names.size === 0 || !first) return null;
  const name = first.parents.find(
    (parent) =>
      names.has(String(parent)) &&
      recipients.every(
        ({ address, parents }) =>
          !isSameAddress(address, parent) &&
          !address.domain.endsWith(".invalid") &&
          parents.some((one) => isSameAddress(one, parent)),
      ),
  );
  return name === undefined ? null : String(name);
}
