/** What a client wants to hear of (RFC 5465 8): groups of mailboxes, each with its events. */
import { type FetchItem, parseFetchItems } from "../fetch/fetch-item.ts";
import { canonicalName } from "../mailbox-name.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export interface Events {
  /** MessageNew and MessageExpunge, which go together. */
  readonly messages: boolean;
  /** What the client wants to know of a new message at once. */
  readonly items: readonly FetchItem[];
  readonly flags: boolean;
  readonly names: boolean;
  readonly subscriptions: boolean;
  readonly metadata: boolean;
  readonly serverMetadata: boolean;
}

type OtherFilter =
  | { readonly at: "personal" | "subscribed" }
  | { readonly at: "subtree" | "mailboxes"; readonly names: readonly string[] };

export interface EventGroup {
  readonly filter: OtherFilter;
  readonly events: Events;
}

/** SELECTED and SELECTED-DELAYED (RFC 5465 6.1). */
export interface SelectedGroup {
  readonly isDelayed: boolean;
  readonly events: Events;
}

export interface EventGroups {
  readonly selected: SelectedGroup | null;
  readonly others: readonly EventGroup[];
  /** Events that this server does not know: nothing is set then. */
  readonly isUnsupported: boolean;
}

/** As BADEVENT lists them. */
export const supportedEvents =
  "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange";

const known: ReadonlySet<string> = new Set(supportedEvents.toUpperCase().split(" "));
const messageEvents: ReadonlySet<string> = new Set(["MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "ANNOTATIONCHANGE"]);
const maxGroups = 50;
const maxNames = 200;

export function parseEventGroups(parser: CommandParser): EventGroups {
  const others: EventGroup[] = [];
  let selected: SelectedGroup | null = null;
  let isUnsupported = false;
  let count = 0;
  do {
    parser.space();
    if (++count > maxGroups) throw new SyntaxFault("Too many event groups");
    parser.expect("(");
    const word = parser.atom().toUpperCase();
    if (word === "SELECTED" || word === "SELECTED-DELAYED") {
      // RFC 5465 6.1: one of the two, once.
      if (selected) throw new SyntaxFault("SELECTED stands twice");
      const names = parseEvents(parser);
      isUnsupported ||= !isKnown(names);
      // RFC 5465 6.1
      if ([...names.keys()].some((name) => known.has(name) && !messageEvents.has(name)))
        throw new SyntaxFault("Only events of messages go with SELECTED");
      selected = { isDelayed: word !== "SELECTED", events: eventsOf(names) };
    } else {
      const filter = parseFilter(parser, word);
      const names = parseEvents(parser);
      isUnsupported ||= !isKnown(names);
      // RFC 5465 8: items only for the selected mailbox.
      if ((names.get("MESSAGENEW")?.length ?? 0) > 0) throw new SyntaxFault("Items to fetch go with SELECTED only");
      others.push({ filter, events: eventsOf(names) });
    }
    parser.expect(")");
  } while (parser.peek() === " ");
  parser.end();
  return { selected, others, isUnsupported };
}

function parseFilter(parser: CommandParser, word: string): OtherFilter {
  switch (word) {
    // RFC 5465 6.3: where mail may be delivered is not easily told, as Sieve and sub-addresses decide: all of them.
    case "INBOXES":
    case "PERSONAL":
      return { at: "personal" };
    case "SUBSCRIBED":
      return { at: "subscribed" };
    case "SUBTREE":
    case "MAILBOXES": {
      parser.space();
      const name = () => canonicalName(parser.mailbox());
      const names = parser.peek() === "(" ? parser.list(name) : [name()];
      if (names.length === 0) throw new SyntaxFault("Expected mailboxes");
      if (names.length > maxNames) throw new SyntaxFault("Too many mailboxes");
      return { at: word === "SUBTREE" ? "subtree" : "mailboxes", names };
    }
    default:
      throw new SyntaxFault("Unknown mailbox filter");
  }
}

/** Names in upper case, each with the items that stand behind it. */
function parseEvents(parser: CommandParser): ReadonlyMap<string, readonly FetchItem[]> {
  const events = new Map<string, readonly FetchItem[]>();
  parser.space();
  if (parser.takeWord("NONE")) return events;
  parser.expect("(");
  for (;;) {
    const name = parser.atom().toUpperCase();
    let items: readonly FetchItem[] = [];
    let isMore = parser.peek() === " ";
    if (isMore) parser.space();
    if (isMore && name === "MESSAGENEW" && parser.peek() === "(") {
      items = parseFetchItems(parser);
      isMore = parser.peek() === " ";
      if (isMore) parser.space();
    }
    events.set(name, items);
    if (!isMore) break;
  }
  parser.expect(")");
  // RFC 5465 5: MessageNew and MessageExpunge both or none, and both where flags are.
  const isNew = events.has("MESSAGENEW");
  const isIncomplete = isNew !== events.has("MESSAGEEXPUNGE");
  const needsBoth = events.has("FLAGCHANGE") || events.has("ANNOTATIONCHANGE");
  if (isIncomplete || (needsBoth && !isNew)) throw new SyntaxFault("MessageNew and MessageExpunge go together");
  return events;
}

const isKnown = (names: ReadonlyMap<string, unknown>): boolean => [...names.keys()].every((name) => known.has(name));

const eventsOf = (names: ReadonlyMap<string, readonly FetchItem[]>): Events => ({
  messages: names.has("MESSAGENEW"),
  items: names.get("MESSAGENEW") ?? [],
  flags: names.has("FLAGCHANGE"),
  names: names.has("MAILBOXNAME"),
  subscriptions: names.has("SUBSCRIPTIONCHANGE"),
  metadata: names.has("MAILBOXMETADATACHANGE"),
  serverMetadata: names.has("SERVERMETADATACHANGE"),
});
