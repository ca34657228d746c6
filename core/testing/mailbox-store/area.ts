/** One area of the suite: a store of its own, an account of its own for each test. */
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import type { Account } from "../../contracts/account.ts";
import type { AccountMailboxes } from "../../contracts/mailbox-store.ts";
import { type MakeStore, type StoreUnderTest, testAccount } from "./rig.ts";

export interface Area {
  readonly underTest: StoreUnderTest;
  readonly account: Account;
  readonly mail: AccountMailboxes;
  /** The same account through a second store on the same place, as another process has it. */
  other(): Promise<AccountMailboxes>;
}

export function area(name: string, makeStore: MakeStore, tests: (area: () => Area) => void): void {
  describe(name, () => {
    let underTest: StoreUnderTest | null = null;
    let current: Area | null = null;
    beforeAll(async () => {
      underTest = await makeStore();
    });
    beforeEach(async () => {
      if (!underTest) throw new Error("no store");
      const using = underTest;
      const account = testAccount(using.home);
      current = {
        underTest: using,
        account,
        mail: await using.store.of(account),
        other: async () => (await using.again()).of(account),
      };
    });
    afterAll(async () => {
      await underTest?.stop();
    });
    tests(() => {
      if (!current) throw new Error("no account");
      return current;
    });
  });
}
