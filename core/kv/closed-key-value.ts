/** A KeyValue where no server runs: spaces can be named, as plugins do when they are set up, and every question is refused. */
import type { KeyValue } from "../contracts/key-value.ts";
import { KeyValueError } from "./key-value-error.ts";

export function closedKeyValue(): KeyValue {
  const refuse = async (): Promise<never> => {
    throw new KeyValueError("CLOSED", "the KeyValue store is not there: the server is not running");
  };
  return {
    space: () => ({ get: refuse, update: refuse, delete: refuse, list: refuse }),
    lease: refuse,
  };
}
