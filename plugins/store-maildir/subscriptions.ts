/** `subscriptions` beside the INBOX, as Dovecot has it; before there is one, Courier's list counts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  changeSubscription as change,
  type NameSpelling,
  parseSubscriptions,
  readText,
  type Subscriptions,
} from "postern/store";
import { courierSubscriptions } from "./courier.ts";
import { decodedStep, type Layout, spellingOf } from "./folder-name.ts";
import type { MailboxTree } from "./mailbox-tree.ts";

/** Version 1 has the separator of the layout. */
const spellingIn = (layout: Layout): NameSpelling => ({
  separator: layout.kind === "fs" ? "/" : ".",
  encode: (step) => spellingOf(step, layout),
  decode: (text) => decodedStep(text, layout),
});

const placeOf = ({ root }: MailboxTree): string => join(root, "subscriptions");

function beforeIn(tree: MailboxTree, text: string): Subscriptions {
  const courier = text === "" && !existsSync(placeOf(tree)) ? courierSubscriptions(tree.root) : null;
  if (!courier) return parseSubscriptions(text, spellingIn(tree.layout));
  const spelling = spellingIn({ ...tree.layout, kind: "maildir++" });
  const { names } = parseSubscriptions(`${courier.join("\n")}\n`, spelling);
  return { version: 2, names, others: [] };
}

export const subscribedIn = (tree: MailboxTree): readonly string[] => beforeIn(tree, readText(placeOf(tree))).names;

export function changeSubscription(tree: MailboxTree, name: string, isSubscribed: boolean): Promise<void> {
  const before = (text: string) => beforeIn(tree, text);
  return change(placeOf(tree), { name, isSubscribed, spelling: spellingIn(tree.layout), before });
}
