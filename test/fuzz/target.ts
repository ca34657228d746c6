/** What can be fuzzed. One file in `targets/` is one target; it exports it as `target`. */
import type { Material } from "./mutate.ts";
import type { Random } from "./random.ts";

export interface Target extends Material {
  readonly name: string;
  /** Inputs in a CI run. */
  readonly inputs: number;
  /** Before the first input and behind the last; for what needs a server. */
  open?(): Promise<void>;
  close?(): Promise<void>;
  /** Throws when the input does something that it must not. `random` is for what is not in the octets: where they are cut. */
  run(input: Buffer, random: Random): void | Promise<void>;
}

/** Throws unless it is so. */
export function hold(isSo: boolean, what: () => string): void {
  if (!isSo) throw new Error(what());
}

export const shown = (octets: Buffer | string): string => {
  const text = typeof octets === "string" ? octets : octets.toString("latin1");
  return JSON.stringify(text.length > 2000 ? `${text.slice(0, 1000)} ... ${text.slice(-1000)}` : text);
};
