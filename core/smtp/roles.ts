/** What tells the kinds of listener apart. */
import type { BareLineEnds } from "./config.ts";

export interface Role {
  readonly name: "mx" | "submission" | "lmtp" | "reinject" | "local";
  readonly isLmtp: boolean;
  /** RFC 6409 4.3 */
  readonly requiresLogin: boolean;
  /** RFC 6409 4.2: addresses without a domain are completed. */
  readonly qualifies: boolean;
  /** Bare CR and LF in content: strangers smuggle with them, own users and machines have old software. */
  readonly lineEnds: BareLineEnds;
}

export const mx: Role = { name: "mx", isLmtp: false, requiresLogin: false, qualifies: false, lineEnds: "reject" };
export const submission: Role = {
  name: "submission",
  isLmtp: false,
  requiresLogin: true,
  qualifies: true,
  lineEnds: "normalize",
};
export const lmtp: Role = { name: "lmtp", isLmtp: true, requiresLogin: false, qualifies: false, lineEnds: "normalize" };
/** A program of this machine, on its standard input and output (`sendmail -bs`): there is no network to be judged. */
export const local: Role = {
  name: "local",
  isLmtp: false,
  requiresLogin: false,
  qualifies: true,
  lineEnds: "normalize",
};
/** Content filters hand mail back here: it was judged, expanded and completed before. */
export const reinject: Role = {
  name: "reinject",
  isLmtp: false,
  requiresLogin: false,
  qualifies: false,
  lineEnds: "normalize",
};
