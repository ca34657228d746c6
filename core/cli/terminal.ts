/** What a command writes to and reads from. Handed in, so that commands can be run in a test as they are. */
import type { Readable, Writable } from "node:stream";

export interface Terminal {
  /** Results. */
  readonly out: Writable;
  /** Messages for people. */
  readonly err: Writable;
  readonly in: Readable & { readonly isTTY?: boolean };
  readonly cwd: string;
}
