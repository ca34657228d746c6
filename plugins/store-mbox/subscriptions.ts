/** `.subscriptions` in the account's directory, as Dovecot, UW and Pine have it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "postern/mail";
import { changeSubscription as change, type NameSpelling, parseSubscriptions, readText } from "postern/store";

const spelling: NameSpelling = { separator: "/", encode: encodeModifiedUtf7, decode: decodeModifiedUtf7 };

export const SUBSCRIPTIONS = ".subscriptions";

const placeOf = (root: string): string => join(root, SUBSCRIPTIONS);

export const subscribedIn = (root: string): readonly string[] =>
  parseSubscriptions(readText(placeOf(root)), spelling).names;

export function changeSubscription(root: string, name: string, isSubscribed: boolean): Promise<void> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  return change(placeOf(root), { name, isSubscribed, spelling });
}
