/** Search keys (RFC 3501 6.4.4, RFC 9051 6.4.4, and what extensions add) as a tree. */
import type { SequenceSet } from "../wire/sequence-set.ts";

export type DateOrder = "before" | "on" | "since";

/** Fields that searches look for in the envelope (RFC 3501 6.4.4). */
export type EnvelopeField = "subject" | "from" | "to" | "cc" | "bcc" | "messageId" | "inReplyTo";

/** Needles are decoded and folded. */
export type SearchKey =
  | { readonly at: "all" }
  | { readonly at: "and"; readonly keys: readonly SearchKey[] }
  | { readonly at: "or"; readonly keys: readonly [SearchKey, SearchKey] }
  | { readonly at: "not"; readonly key: SearchKey }
  | { readonly at: "number" | "uid"; readonly set: SequenceSet }
  | { readonly at: "flag"; readonly flag: string; readonly isSet: boolean }
  | { readonly at: "recent"; readonly isRecent: boolean }
  /** Days since 1970. */
  | { readonly at: "internalDate" | "saveDate" | "sentDate"; readonly order: DateOrder; readonly day: number }
  /** RFC 8514 4.3 */
  | { readonly at: "saveDateSupported" }
  /** RFC 5032 2 */
  | { readonly at: "age"; readonly isOlder: boolean; readonly seconds: number }
  | { readonly at: "size"; readonly isLarger: boolean; readonly octets: number }
  /** RFC 7162 3.1.5 */
  | { readonly at: "modseq"; readonly least: number }
  /** RFC 8474 5 */
  | { readonly at: "objectId"; readonly of: "emailId" | "threadId"; readonly id: string }
  /** An empty needle: the field is there. */
  | { readonly at: "envelope"; readonly field: EnvelopeField; readonly needle: string }
  | { readonly at: "header"; readonly field: string; readonly needle: string }
  | { readonly at: "body" | "text"; readonly needle: string }
  /** RFC 6203: fits where `loose` does; better where `exact` does, too. */
  | { readonly at: "fuzzy"; readonly exact: SearchKey; readonly loose: SearchKey };

export type TextKey = SearchKey & { readonly at: "body" | "text" };
export type SetKey = SearchKey & { readonly at: "number" | "uid" };

export function childrenOf(key: SearchKey): readonly SearchKey[] {
  switch (key.at) {
    case "and":
    case "or":
      return key.keys;
    case "not":
      return [key.key];
    case "fuzzy":
      return [key.exact, key.loose];
    default:
      return [];
  }
}

/** Every key of the tree, the root first. */
export function* everyKey(root: SearchKey): Generator<SearchKey> {
  yield root;
  for (const child of childrenOf(root)) yield* everyKey(child);
}

export const hasKey = (root: SearchKey, at: SearchKey["at"]): boolean => {
  for (const key of everyKey(root)) if (key.at === at) return true;
  return false;
};
