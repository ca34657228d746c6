/** NOTIFY over real files: what other programs do beside the server, and more mailboxes than one session may watch. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serverForEach } from "./server-for-each.ts";

/** After so long a session looks for itself, whether it was told or not. */
const looksAgainMs = 60_000;

describe("NOTIFY", () => {
  const imap = serverForEach();
  const { login } = imap;

  it("tells of mailboxes that other programs make, subscribe, rename and remove, before it looks for itself", async () => {
    const client = await login();
    await client.ok('LIST "" *');
    await client.ok("NOTIFY SET (PERSONAL (MailboxName SubscriptionChange))");
    const beganAt = Date.now();
    const root = join(imap.server.root, "ann", "Maildir");
    for (const part of ["cur", "new", "tmp"]) mkdirSync(join(root, ".Work", part), { recursive: true });
    expect(await client.response()).toMatch(/^\* LIST \(\\HasNoChildren\) "\/" Work$/);
    writeFileSync(join(root, "subscriptions.new"), "Work\n");
    renameSync(join(root, "subscriptions.new"), join(root, "subscriptions"));
    expect(await client.response()).toMatch(/^\* LIST \(\\Subscribed [^)]*\) "\/" Work$/);
    renameSync(join(root, ".Work"), join(root, ".Done"));
    expect(await client.response()).toMatch(/^\* LIST \([^)]*\) "\/" Done \("OLDNAME" \(Work\)\)$/);
    rmSync(join(root, ".Done"), { recursive: true });
    expect(await client.response()).toMatch(/^\* LIST \(\\NonExistent[^)]*\) "\/" Done$/i);
    expect(Date.now() - beganAt).toBeLessThan(looksAgainMs);
  });

  it("says NOTIFICATIONOVERFLOW for more mailboxes than are watched, at first and later, and is off then", async () => {
    const [client, other] = [await login(), await login()];
    const mailboxes = await imap.server.mailboxesOf("ann");
    for (let index = 1; index < 200; index++) await mailboxes.create(`m${index}`);
    await client.ok("NOTIFY SET (PERSONAL (MessageNew MessageExpunge))");
    await other.ok("APPEND m7", Buffer.from("Subject: a\r\n\r\n"));
    expect(await client.response()).toMatch(/^\* STATUS m7 \(MESSAGES 1 UIDNEXT 2/);
    await other.ok("CREATE one-more");
    expect(await client.response()).toMatch(/^\* OK \[NOTIFICATIONOVERFLOW\] /);
    await other.ok("APPEND m7", Buffer.from("Subject: b\r\n\r\n"));
    expect(await client.ok("NOOP")).toEqual([]);
    expect((await client.command("NOTIFY SET (PERSONAL (MessageNew MessageExpunge))")).at(-1)).toMatch(
      /^NO \[NOTIFICATIONOVERFLOW\] /,
    );
    // Names cost nothing like it.
    await client.ok("NOTIFY SET (PERSONAL (MailboxName)) (MAILBOXES (m1 m2) (MessageNew MessageExpunge))");
    await other.ok("APPEND m2", Buffer.from("Subject: c\r\n\r\n"));
    expect(await client.response()).toMatch(/^\* STATUS m2 /);
  });
});
