/** What the conformance tests of a KeyValue need of a back end. */
import type { KeyValue } from "../../contracts/key-value.ts";
import type { ManualClock } from "../manual-clock.ts";

export interface KeyValueUnderTest {
  readonly kv: KeyValue;
  /** The time that the back end goes by. */
  readonly clock: ManualClock;
  /** The same data once more, as another worker has it. */
  again(): Promise<KeyValue>;
  /** Ends everything and opens the same data anew, as a restart does. */
  restart(): Promise<KeyValue>;
  stop(): Promise<void>;
}

/** Gives an empty one; asked once for each test. */
export type MakeKeyValue = () => Promise<KeyValueUnderTest>;

export const LATER_MS = 3_600_000;
