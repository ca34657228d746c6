/**
 * What is said on a worker's control socket: one request, a line of JSON; answers, a line of JSON each, where pieces bring their octets
 * along; the last one is `done` or `wrong`.
 */
import type { SpoolEnvelope, SpoolState, SpoolSummary } from "../contracts/spool.ts";

/** `active`: somebody works on it; `ready`: it waits for room; `waiting`: for its time; `held`: for an administrator. */
export const queueStates = ["active", "ready", "waiting", "held"] as const;
export type QueueState = (typeof queueStates)[number];

export interface ListedMessage extends SpoolSummary {
  readonly state: QueueState;
}

/** All that is said must fit. Texts are compared without case; `*` stands for anything in `sender`, `recipient` and `domain`. */
export interface QueueFilter {
  readonly ids?: readonly string[];
  readonly olderMs?: number;
  readonly newerMs?: number;
  readonly largerBytes?: number;
  readonly smallerBytes?: number;
  /** `<>` is the null sender. A login counts as well. */
  readonly sender?: string;
  /** One that is still to be tried. */
  readonly recipient?: string;
  /** Of such a recipient; `.example.org` is the domain and its subdomains. */
  readonly domain?: string;
  /** Stands in the last reply, or in why it is held. */
  readonly reply?: string;
  readonly states?: readonly QueueState[];
  /** Plugin that put it on hold, or whose answer was the last one. */
  readonly plugin?: string;
  readonly limit?: number;
}

export const actions = ["hold", "release", "flush", "requeue", "delete", "bounce"] as const;
export type Action = (typeof actions)[number];

/** For people, for programs, or as mailq has it. */
export type ListForm = "ids" | "json" | "table" | "mailq";

export type ControlRequest =
  | { readonly ask: "list"; readonly filter: QueueFilter; readonly form: ListForm }
  /** `hasContent`: the whole message, too. */
  | { readonly ask: "show"; readonly id: string; readonly hasContent: boolean }
  | { readonly ask: "act"; readonly action: Action; readonly ids: readonly string[]; readonly text: string | null }
  /** Everything that waits is tried now. */
  | { readonly ask: "flushAll" };

export interface ShownMessage {
  readonly envelope: SpoolEnvelope;
  readonly state: SpoolState;
  readonly queueState: QueueState;
  readonly sizeBytes: number;
}

/** `unknown`: no such message here, or not any more. */
export interface Acted {
  readonly id: string;
  readonly at: "done" | "unknown" | "failed";
  readonly reason?: string;
}

export type ControlAnswer =
  /** Whole rows of a list, or a part of a message's content. */
  | { readonly is: "piece"; readonly piece: Uint8Array }
  /** All rows have been told. */
  | { readonly is: "listed"; readonly messages: number; readonly sizeBytes: number }
  | { readonly is: "shown"; readonly shown: ShownMessage }
  | { readonly is: "acted"; readonly acted: Acted }
  | { readonly is: "done" }
  | { readonly is: "wrong"; readonly reason: string };
