/** The same promises where each process finds out everything by itself. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewMessage } from "postern/plugin";
import { addressOf, mailboxStoreConformance, storeOnDisk } from "postern/testing";
import { expect, it } from "vitest";
import { asConfigured, storeWith } from "./testing/open-store.ts";

await mailboxStoreConformance(
  "store-mbox without an index",
  storeOnDisk({
    isIndexed: false,
    module: new URL("testing/open-store.ts", import.meta.url),
    make: asConfigured,
  }),
);

const messageOf = (subject: string): NewMessage => ({ content: [Buffer.from(`Subject: ${subject}\r\n\r\ntext\r\n`)] });

it("gives no UID again that another process gave to a message that has left the mailbox empty", async () => {
  const [one, other] = [storeWith(), storeWith()];
  const home = await mkdtemp(join(tmpdir(), "postern-mbox-"));
  try {
    const account = { login: "someone", addresses: [addressOf("someone@example.org")], home, quotaBytes: null };
    const [ours, theirs] = [await one.of(account), await other.of(account)];
    await ours.create("Other");
    // Within one tick of the file system's clock, mostly.
    for (let round = 0; round < 10; round++) {
      const [near, far] = [await ours.open("INBOX"), await theirs.open("INBOX")];
      const [given = 0] = (await theirs.append("INBOX", [messageOf("first")])).uids;
      await far.move([given], "Other");
      const [next = 0] = (await ours.append("INBOX", [messageOf("other")])).uids;
      expect(next).toBeGreaterThan(given);
      expect((await far.sync()).at(0).uid).toBe(next);
      await near.store([next], { mode: "add", flags: ["\\Deleted"] });
      await near.expunge([next]);
      for (const handle of [near, far]) await handle.close();
    }
  } finally {
    for (const store of [one, other]) store.stop();
    await rm(home, { recursive: true, force: true });
  }
});
