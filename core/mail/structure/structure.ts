/** The MIME structure of a message with octet offsets (RFC 2045, 2046; RFC 3501 7.4.2 BODYSTRUCTURE). Plain JSON values. */

import type { MessageEnvelope } from "./envelope.ts";

export interface OctetRange {
  readonly start: number;
  readonly length: number;
}

export interface Disposition {
  readonly type: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** Offsets count from the first octet of the whole message, CRLF line ends. */
export interface Structure {
  /** Header block with its closing empty line. */
  readonly header: OctetRange;
  readonly body: OctetRange;
  /** Lines of the body. */
  readonly lines: number;
  /** Lower case. */
  readonly type: string;
  readonly subtype: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  readonly id: string | null;
  readonly description: string | null;
  /** Lower case; `7bit` if absent. */
  readonly encoding: string;
  readonly md5: string | null;
  readonly disposition: Disposition | null;
  readonly language: readonly string[] | null;
  readonly location: string | null;
  /** The parts of a multipart. */
  readonly children: readonly Structure[];
  /** The message inside a message/rfc822 or message/global. */
  readonly message: Structure | null;
  /** Of a message inside another. `null` for parts, and for the outermost message. */
  readonly envelope: MessageEnvelope | null;
}
