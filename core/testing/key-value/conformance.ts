/** What every KeyValue must do, whatever it keeps its facts in. */
import { afterEach, beforeEach, describe } from "vitest";
import { leaseTests } from "./leases.ts";
import type { KeyValueUnderTest, MakeKeyValue } from "./rig.ts";
import { spaceTests } from "./spaces.ts";
import { updateTests } from "./updates.ts";

export function keyValueConformance(name: string, make: MakeKeyValue): void {
  describe(`KeyValue: ${name}`, () => {
    let made: KeyValueUnderTest | null = null;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(async () => {
      await made?.stop();
      made = null;
    });
    const rig = (): KeyValueUnderTest => {
      if (!made) throw new Error("asked outside of a test");
      return made;
    };
    spaceTests(rig);
    updateTests(rig);
    leaseTests(rig);
  });
}
