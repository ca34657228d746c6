/** How a login fails, in words that tell a client nothing about who exists. */
import type { LoginStep } from "../contracts/account.ts";

export type Failure = Extract<LoginStep, { at: "failure" }>;

const texts: Readonly<Record<Failure["cause"], string>> = {
  invalid: "Authentication credentials invalid",
  unavailable: "Temporary authentication failure",
  malformed: "Invalid authentication data",
  cancelled: "Authentication cancelled",
  refused: "Authentication refused",
  encryption: "Encryption required for this authentication",
  mechanism: "Authentication mechanism not supported",
};

export const failure = (
  cause: Failure["cause"],
  { text = texts[cause], isTemporary = cause === "unavailable" } = {},
): Failure => ({ at: "failure", cause, text, isTemporary });
