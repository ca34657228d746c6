/** What the configuration says about sharing. */
import type { Groups } from "./effective-rights.ts";

/** Whose mailboxes stand under a name of the shared namespace: an account's, or those of a directory that is nobody's home. */
export type SharedRoot =
  | { readonly at: "account"; readonly login: string }
  | { readonly at: "home"; readonly home: string };

export interface SharingOptions {
  /** First step of names of other users' mailboxes; `null`: there are none. */
  readonly otherUsers: string | null;
  /** First step of names in the shared namespace. */
  readonly shared: string;
  readonly roots: ReadonlyMap<string, SharedRoot>;
  readonly groups: Groups;
  /** Clients may give rights to `anyone` and `authenticated`. */
  readonly mayShareWithAll: boolean;
}
