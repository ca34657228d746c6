/** Loops through other servers: a message says to whom it was delivered before (`Delivered-To`), and is not delivered there once more. */
import { type Address, isSameAddress, parseAddress } from "./address.ts";

/** Whether the message says that it was delivered to this address already. A field that is no address says nothing. */
export function wasDeliveredTo(
  { headers }: { readonly headers: { all(name: string): readonly string[] } },
  address: Address,
): boolean {
  return headers.all("Delivered-To").some((value) => {
    const seen = parseAddress(value.trim().replace(/^<(.*)>$/, "$1"));
    return seen !== null && isSameAddress(seen, address);
  });
}
