/** How urgent a message is: what a plugin's label says. Headers say nothing here, because whoever writes them is no judge of it. */
import { type Envelope, PRIORITY_LABEL } from "../contracts/envelope.ts";

/** In the order in which they go. */
export const priorities = ["high", "normal", "bulk"] as const;
export type Priority = (typeof priorities)[number];

export function priorityOf(envelope: Pick<Envelope, "label">): Priority {
  const label = envelope.label(PRIORITY_LABEL);
  return label === "high" || label === "bulk" ? label : "normal";
}
