/** The client's side of SASL (RFC 4422): what is said first, and what to each challenge. */

export interface MechanismContext {
  readonly username: string;
  /** Password or token, read for this login. */
  readonly secret: string;
  /** RFC 9266; `null` where this connection has none. */
  readonly exporter: Uint8Array | null;
  /** What the host offers. */
  readonly offered: readonly string[];
  /** Where we are connected to, for OAUTHBEARER (RFC 7628 3.1). */
  readonly host: string;
  readonly port: number;
}

export interface Exchange {
  /** Sent with AUTH; `null`: the host begins. */
  readonly initial: Uint8Array | null;
  /** Throws or rejects for a challenge that makes no sense, or shows that the host does not know the password. */
  answer(challenge: Buffer): Uint8Array | Promise<Uint8Array>;
  /** The host has shown all that it has to; success before that is none. */
  readonly isComplete: boolean;
}

export interface Mechanism {
  readonly name: string;
  readonly secret: "password" | "token";
  begin(context: MechanismContext): Exchange;
}
