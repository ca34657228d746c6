/** What tells the three kinds of listener apart. */

export interface Role {
  readonly name: "mx" | "submission" | "lmtp";
  readonly isLmtp: boolean;
  /** RFC 6409 4.3 */
  readonly requiresLogin: boolean;
  /** Bare CR and LF in content: strangers smuggle with them, own users and machines have old software. */
  readonly lineEnds: "refuse" | "normalise";
}

export const mx: Role = { name: "mx", isLmtp: false, requiresLogin: false, lineEnds: "refuse" };
export const submission: Role = { name: "submission", isLmtp: false, requiresLogin: true, lineEnds: "normalise" };
export const lmtp: Role = { name: "lmtp", isLmtp: true, requiresLogin: false, lineEnds: "normalise" };
