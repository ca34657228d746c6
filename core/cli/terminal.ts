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

/** Waits where the reader is slow. `false`: nobody reads any more, which is no failure (`postern queue list | head`). */
export function written({ out }: Terminal, piece: string | Uint8Array): Promise<boolean> {
  if (!out.writable) return Promise.resolve(false);
  if (out.write(piece)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const goes = () => ended(true);
    const stops = () => ended(false);
    const ended = (isOpen: boolean) => {
      out.off("drain", goes).off("close", stops).off("error", stops);
      resolve(isOpen);
    };
    out.on("drain", goes).on("close", stops).on("error", stops);
  });
}
