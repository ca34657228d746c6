/** Why a conversation ended before its time: how far it had come, what the host said, what was wrong with TLS. Never leaves this room. */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { OutboundPhase, TlsFault } from "../contracts/outbound.ts";
import type { Reply } from "./reply-parser.ts";

export class OutboundFault extends Error {
  override readonly name = "OutboundFault";
  readonly phase: OutboundPhase;
  /** The host's own words, if it had any. */
  readonly reply: Reply | null;
  /** Said instead of them where the reason is one of our own conditions. */
  readonly ownReply: RemoteReply | null;
  readonly tlsFault: TlsFault | null;
  /** Where it came from; `null` where nobody answered. */
  readonly address: string | null;
  readonly localAddress: string | null;

  constructor(
    phase: OutboundPhase,
    reason: string,
    about: {
      readonly reply?: Reply;
      readonly ownReply?: RemoteReply;
      readonly tlsFault?: TlsFault;
      readonly address?: string | null;
      readonly localAddress?: string | null;
      readonly cause?: unknown;
    } = {},
  ) {
    super(reason, { cause: about.cause });
    this.phase = phase;
    this.reply = about.reply ?? null;
    this.ownReply = about.ownReply ?? null;
    this.tlsFault = about.tlsFault ?? null;
    this.address = about.address ?? null;
    this.localAddress = about.localAddress ?? null;
  }
}

export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
