/** Commands of this machine that take a message: for those whose tables name them. Provided by the plugin that delivers to commands. */
import type { Address } from "../mail/address.ts";
import type { Delivery, Outcome } from "./delivery.ts";
import type { Recipient } from "./envelope.ts";
import { defineService } from "./service.ts";

export interface LocalCommand {
  /** Program with its absolute path, and arguments; no shell sees them. */
  readonly argv: readonly [string, ...string[]];
  /**
   * Whom it runs as, with the group and the home that the system's list of users has; left out: as this server does. Only a server that runs as
   * root can give it to others.
   */
  readonly owner?: { readonly uid: number };
  readonly directory?: string;
  /** Whose mail it is: for `Delivered-To` and the environment. */
  readonly for: Address;
}

export interface LocalCommands {
  /** Runs it under the limits of the plugin. Never rejects: what cannot be run is put off. */
  run(delivery: Delivery, recipient: Recipient, command: LocalCommand, signal: AbortSignal): Promise<Outcome>;
}
export const LocalCommands = defineService<LocalCommands>("postern/local-commands@1");
