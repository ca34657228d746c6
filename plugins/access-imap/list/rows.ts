/** Which names a LIST tells, and with what attributes (RFC 5258 3, RFC 9051 6.3.9). Pure. */
import type { MailboxListing, SpecialUse } from "postern/plugin";
import { mayHaveChildren } from "../mailbox-name.ts";
import type { ListRequest } from "./arguments.ts";

export interface ListRow {
  readonly name: string;
  /** With their backslashes. */
  readonly attributes: readonly string[];
  /** It meets the selection itself, and can be selected. */
  readonly isWhole: boolean;
  readonly specialUse: SpecialUse | null;
  /** RFC 5258 3.5: selection options that something below it meets. */
  readonly childInfo: readonly string[];
}

/** What there is to choose from. */
export interface Known {
  readonly listings: readonly MailboxListing[];
  /** RFC 3501 6.3.9: also names that do not exist. */
  readonly subscriptions: readonly string[];
}

type Request = Pick<ListRequest, "isExtended" | "selections" | "returns">;

/** Names that may be told. */
export const candidateNames = ({ listings, subscriptions }: Known, { selections }: Request): readonly string[] => {
  const names = listings.map(({ name }) => name);
  return selections.has("SUBSCRIBED") ? withParents([...names, ...subscriptions]) : names;
};

/** `matching`: candidates that a pattern matches. */
export function* listRows(known: Known, request: Request, matching: ReadonlySet<string>): Generator<ListRow> {
  const { isExtended, selections, returns } = request;
  const needsSubscribed = selections.has("SUBSCRIBED");
  const needsUse = selections.has("SPECIAL-USE");
  const isRecursive = selections.has("RECURSIVEMATCH");
  const criteria = [...(needsSubscribed ? ["SUBSCRIBED"] : []), ...(needsUse ? ["SPECIAL-USE"] : [])];
  const listings = new Map(known.listings.map((listing) => [listing.name, listing]));
  const subscribed = new Set(known.subscriptions);
  const meets = (name: string): boolean => {
    const listing = listings.get(name);
    if (criteria.length === 0) return listing?.isSelectable === true;
    return (!needsSubscribed || subscribed.has(name)) && (!needsUse || (listing?.specialUse ?? null) !== null);
  };
  const names = candidateNames(known, request);
  const { parents, unseenParents } = parentsOfMeeting(names, meets, matching);

  for (const name of names) {
    if (!matching.has(name)) continue;
    const isMeeting = meets(name);
    const listing = listings.get(name);
    // RFC 5258 3: a name that does not meet the selection stands for something below it that is not told itself.
    const standsIn = unseenParents.has(name) && (isRecursive || criteria.length === 0);
    // RFC 3501 6.3.8: without options, levels of the hierarchy are told as they are.
    if (!isMeeting && !standsIn && (isExtended || !listing)) continue;
    yield {
      name,
      attributes: attributesOf(name, listing, {
        isExtended,
        // RFC 5258 3.1: SUBSCRIBED as a selection implies the return option.
        isSubscribed: (needsSubscribed || returns.isSubscribed) && subscribed.has(name),
      }),
      isWhole: isMeeting && listing?.isSelectable === true,
      specialUse: listing?.specialUse ?? null,
      // RFC 5258 3.5: not without RECURSIVEMATCH.
      childInfo: isRecursive && parents.has(name) ? criteria : [],
    };
  }
}

export function attributesOf(
  name: string,
  listing: MailboxListing | undefined,
  { isExtended, isSubscribed }: { readonly isExtended: boolean; readonly isSubscribed: boolean },
): readonly string[] {
  const words: string[] = [];
  if (isSubscribed) words.push("\\Subscribed");
  // RFC 5258 3: \NonExistent implies \Noselect; whoever does not know it is told the latter.
  if (!listing?.isSelectable) words.push(isExtended ? "\\NonExistent" : "\\Noselect");
  // RFC 3348 3: one of the two, never both; RFC 5258 3.4: \NoInferiors says it already.
  if (listing?.hasChildren) words.push("\\HasChildren");
  else if (!mayHaveChildren(name)) words.push("\\NoInferiors");
  else words.push("\\HasNoChildren");
  // RFC 6154 2
  if (listing?.specialUse) words.push(listing.specialUse);
  return words;
}

/** Parents of names that meet the selection; and those whose name below is not among those told. */
function parentsOfMeeting(
  names: readonly string[],
  meets: (name: string) => boolean,
  matching: ReadonlySet<string>,
): { readonly parents: ReadonlySet<string>; readonly unseenParents: ReadonlySet<string> } {
  const parents = new Set<string>();
  const unseenParents = new Set<string>();
  for (const name of names) {
    if (!meets(name)) continue;
    for (const parent of parentsOf(name)) {
      parents.add(parent);
      if (!matching.has(name)) unseenParents.add(parent);
    }
  }
  return { parents, unseenParents };
}

function* parentsOf(name: string): Generator<string> {
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) yield name.slice(0, at);
}

/** INBOX first, the others in the order of their names. */
function withParents(names: readonly string[]): readonly string[] {
  const all = new Set(names);
  for (const name of names) for (const parent of parentsOf(name)) all.add(parent);
  return [...all].sort((a, b) => Number(b === "INBOX") - Number(a === "INBOX") || (a < b ? -1 : 1));
}
