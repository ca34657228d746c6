/** `postern mailbox check`: what is wrong with mailboxes on their disk. Nothing is changed. */
import type { Terminal } from "../terminal.ts";
import { type InspectOptions, inspecting } from "./inspect.ts";

export const checkMailboxes = (
  logins: readonly string[],
  options: InspectOptions,
  terminal: Terminal,
): Promise<0 | 1> => inspecting(logins, { repair: false, options }, terminal);
