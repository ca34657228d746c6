/** The durable place of accepted mail. The default keeps files; a plugin may provide another. */

import type { Outcome, RemoteReply } from "./delivery.ts";
import type { BodyKind, Message, Notify, Origin } from "./envelope.ts";
import { defineService } from "./service.ts";
import type { Protocol } from "./session.ts";
import type { Intake } from "./submit.ts";

/** JSON values only: this is what stands on disk. Addresses are their text. */
export interface SpoolRecipient {
  readonly id: number;
  readonly address: string;
  readonly orcpt: { readonly type: string; readonly address: string } | null;
  readonly notify: readonly Notify[];
  readonly parents: readonly string[];
}

/** Names that are no recipients any more and whose sender asked for news of success (RFC 3461 5.2.7): whom to tell, and what. */
export interface SpoolReceipts {
  readonly to: string;
  readonly envid: string | null;
  readonly names: readonly { readonly recipient: SpoolRecipient; readonly at: "expanded" | "delivered" }[];
}

/** A session as it is remembered: who brought the message. */
export interface SpoolSession {
  readonly id: string;
  readonly protocol: Protocol;
  readonly listener: { readonly name: string; readonly role: string };
  readonly remote: { readonly address: string; readonly port: number; readonly hostname: string | null };
  readonly heloName: string | null;
  readonly login: string | null;
}

export interface SpoolEnvelope {
  readonly id: string;
  readonly origin: Origin;
  readonly session: SpoolSession | null;
  readonly reversePath: string | null;
  readonly recipients: readonly SpoolRecipient[];
  readonly body: BodyKind;
  readonly isSmtpUtf8: boolean;
  readonly requiresTls: boolean;
  readonly ret: "full" | "hdrs" | null;
  readonly envid: string | null;
  readonly labels: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** Waits for an administrator. */
  readonly hold: string | null;
  /** A route fixed by a change, for all its recipients. */
  readonly route: { readonly transport: string; readonly nextHop: string | null } | null;
  readonly receipts?: SpoolReceipts;
}

/** An outcome as it stands on disk. */
export interface SpoolOutcome extends Outcome {
  /** The sender has been told, or is not to be: after a restart nobody is told twice. */
  readonly isReported?: boolean;
  /** Plugin that put it off. */
  readonly by?: string;
}

/** What has happened since. */
export interface SpoolState {
  readonly attempts: number;
  /** Milliseconds since 1970; 0 is at once. */
  readonly dueAt: number;
  /** By recipient id; one that is missing has not been settled. `deferred` is the last reply, not an end. */
  readonly outcomes: Readonly<Record<number, SpoolOutcome>>;
  readonly lastReply: RemoteReply | null;
  /** Whether a delay warning has been sent. */
  readonly warnedAt: number | null;
}

export interface SpoolEntry {
  readonly envelope: SpoolEnvelope;
  readonly state: SpoolState;
  readonly message: Message;
}

/** Enough of a waiting message for lists and filters, known without reading its file. */
export interface SpoolSummary {
  readonly id: string;
  readonly origin: Origin;
  readonly reversePath: string | null;
  readonly login: string | null;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** Milliseconds since 1970; 0 is at once. */
  readonly dueAt: number;
  readonly attempts: number;
  readonly lastReply: RemoteReply | null;
  /** Why it waits for an administrator; `null`: it does not. */
  readonly hold: string | null;
  /** Plugin that put it on hold, or whose answer was the last one, where that is known. */
  readonly by?: string;
  /** Recipients that are still to be tried: the first hundred, and how many there are. */
  readonly open: readonly string[];
  readonly openCount: number;
}

export class SpoolFull extends Error {
  readonly code = "SPOOL_FULL";
}

/**
 * After `accept` has resolved, the message survives kill -9 and a power cut. After a failed flush the file is not trusted
 * again: the call rejects and the message does not exist. One message's damage never reaches another's.
 */
export interface Spool {
  /** Whether a message of that size would be taken now; a spool that leaves it out says so no earlier than in `receive`. */
  hasRoomFor?(sizeBytes: number): boolean;
  receive(sizeHintBytes: number | null): Intake;
  /** Rejects with `SpoolFull` or an I/O error: nothing was promised then. The message stays readable until `remove`. */
  accept(envelope: SpoolEnvelope, message: Message): Promise<void>;
  /** Durable when it resolves. A later outcome of the same recipient replaces the former. */
  settle(id: string, recipientId: number, outcome: SpoolOutcome): Promise<void>;
  /** Keeps the retry time. May be lost in a crash: the message is then tried earlier. */
  reschedule(
    id: string,
    change: {
      readonly attempts: number;
      readonly dueAt: number;
      readonly lastReply: RemoteReply | null;
      readonly warnedAt: number | null;
    },
  ): Promise<void>;
  /**
   * Durable when it resolves. With a reason the message is never due; with `null` it is due at once. Rejects for a message that is not
   * there. `envelope.hold` of what `read` gives says so afterwards.
   */
  hold(id: string, reason: string | null): Promise<void>;
  /**
   * Everything that waits, in no order, a snapshot as far as messages come and go meanwhile. In handfuls of any size: a step for each of a
   * million would cost more than finding it.
   */
  list(): AsyncIterable<readonly SpoolSummary[]>;
  /** Everything is settled and reported. */
  remove(id: string): Promise<void>;
  /** `null` if it is gone. Rejects when it is damaged: the file has been set aside, and logged. */
  read(id: string): Promise<SpoolEntry | null>;
  /**
   * All that is due before `until`, about in order of `dueAt`, each time it is asked: what has been told before, what is being worked on and what
   * was accepted meanwhile included. The queue knows what it has at hand, the spool keeps no account of it; so either holds no
   * more ids than it works on. Names are read a piece at a time, no file, and nothing once nobody iterates any more. What is held is left out.
   */
  recovered(until: number): AsyncIterable<{ readonly id: string; readonly dueAt: number }>;
  /** Ends all writing. What was promised is on disk. */
  close(): Promise<void>;
}
export const Spool = defineService<Spool>("postern/spool@1");
