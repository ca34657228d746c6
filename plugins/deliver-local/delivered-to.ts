/** Loops through this server: a message that was delivered to an address before is not delivered to it again. */
import type { Address, Message } from "postern/plugin";

const normal = (address: string): string =>
  address
    .trim()
    .replace(/^<(.*)>$/, "$1")
    .toLowerCase();

/** Whether the message says that it was delivered to this address already. */
export function wasDeliveredTo(message: Message, address: Address): boolean {
  const own = normal(String(address));
  return message.headers.all("Delivered-To").some((value) => normal(value) === own);
}
