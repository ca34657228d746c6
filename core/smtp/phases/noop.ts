/** NOOP (RFC 5321 4.1.1.9): whatever it is told, it does nothing. */
import type { Answer } from "../conversation.ts";
import { ok } from "../replies.ts";

export const noop = (): Answer => ok;
