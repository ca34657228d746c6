/** Time limits of a conversation, in milliseconds. */
import type { OutboundTimeouts } from "../contracts/outbound.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export type Timeouts = Required<OutboundTimeouts>;

const standard: Timeouts = {
  connectMs: 30 * SECOND_MS,
  greetingMs: 5 * MINUTE_MS, // RFC 5321 4.5.3.2.1
  helloMs: 5 * MINUTE_MS,
  mailMs: 5 * MINUTE_MS, // RFC 5321 4.5.3.2.2
  rcptMs: 5 * MINUTE_MS, // RFC 5321 4.5.3.2.3
  dataMs: 2 * MINUTE_MS, // RFC 5321 4.5.3.2.4
  blockMs: 3 * MINUTE_MS, // RFC 5321 4.5.3.2.5
  endMs: 10 * MINUTE_MS, // RFC 5321 4.5.3.2.6
};

export const timeoutsOf = (asked: OutboundTimeouts | undefined): Timeouts =>
  asked === undefined ? standard : { ...standard, ...asked };
