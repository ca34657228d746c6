/**
 * Subscriptions to mailboxes of others: names of other namespaces may be ones that the login's own store could not have, so they stand in a
 * note beside its INBOX, a line each. Whether they exist nobody asks (RFC 3501 6.3.6 allows it): the answer would tell.
 */
import { type AccountMailboxes, StoreError } from "../contracts/mailbox-store.ts";

const maxNames = 10_000;
const maxNameLength = 4096;

const namesIn = (text: string): readonly string[] => text.split("\n").filter((line) => line !== "");

export async function subscribedElsewhere({ notes }: AccountMailboxes): Promise<readonly string[]> {
  return namesIn((await notes?.read("INBOX", "subscriptions-elsewhere"))?.text ?? "");
}

export async function changeElsewhere({ notes }: AccountMailboxes, name: string, isSubscribed: boolean): Promise<void> {
  if (!notes || /\p{Cc}/u.test(name) || name.length > maxNameLength)
    throw new StoreError("cannot", "This name cannot be subscribed to");
  await notes.change("INBOX", "subscriptions-elsewhere", (text) => {
    const names = new Set(namesIn(text));
    if (isSubscribed) names.add(name);
    else names.delete(name);
    if (names.size > maxNames) throw new StoreError("limit", "Too many subscriptions");
    return [...names].map((one) => `${one}\n`).join("");
  });
}
