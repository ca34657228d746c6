/** The suite that every `KeyValue` back end passes, for a test file of vitest: `await keyValueConformance(...)` at its top level. */
import type { MakeKeyValue } from "./key-value/rig.ts";

export type { KeyValueUnderTest, MakeKeyValue } from "./key-value/rig.ts";

export async function keyValueConformance(name: string, make: MakeKeyValue): Promise<void> {
  const suite = await import("./key-value/conformance.ts");
  suite.keyValueConformance(name, make);
}
