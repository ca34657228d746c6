/** `maildirsize` between Dovecot and us: neither counts anew what the other has written. */
import { chownSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_LAYOUT } from "./folder-name.ts";
import { MailboxTree } from "./mailbox-tree.ts";
import { MaildirSize } from "./maildirsize.ts";
import { Dovecot, isDovecotHere, owner } from "./testing/dovecot.ts";
import { usageOfAll } from "./usage.ts";

const rules = "maildir:User quota\n  quota_rule = *:bytes=1048576:messages=5000\n  quota_rule2 = Trash:ignore\n}";

describe.skipIf(!isDovecotHere)("maildirsize", () => {
  let dovecot: Dovecot;
  afterEach(() => dovecot.stop());

  it("is one count for Dovecot and us", async () => {
    dovecot = new Dovecot({ settings: { mail_plugins: "quota", "plugin {\n  quota": rules } });
    const theirs = await dovecot.imap();
    await theirs.append("INBOX", "one");
    const tree = new MailboxTree(join(dovecot.home, "Maildir"), DEFAULT_LAYOUT);
    const file = join(tree.root, "maildirsize");
    const ours = new MaildirSize(tree, {
      hard: { bytes: 1_048_576, messages: 5_000 },
      ignores: (mailbox) => mailbox === "Trash",
    });
    const before = readFileSync(file, "latin1");
    const counted = await usageOfAll(tree, () => false);
    expect(await ours.read()).toEqual(counted);
    // Nothing was counted anew: the file is theirs still.
    expect(readFileSync(file, "latin1")).toBe(before);

    ours.add({ bytes: 5_000, messages: 1 });
    // ... nor by them, when they add to what we have written.
    await theirs.append("INBOX", "two");
    expect(readFileSync(file, "latin1")).toMatch(new RegExp(`^${before.replaceAll("\n", "\\n")}5000 1\n\\d+ 1\n$`));

    await ours.recount();
    if (owner.uid !== undefined) chownSync(file, owner.uid, owner.gid);
    const again = await usageOfAll(tree, () => false);
    await theirs.append("INBOX", "three");
    expect(readFileSync(file, "latin1")).toMatch(new RegExp(`^1048576S,5000C\n${again.bytes} 2\n\\d+ 1\n$`));
    expect(await ours.read()).toEqual(await usageOfAll(tree, () => false));
    await theirs.end();
    expect(dovecot.complaints).toEqual([]);
  });
});
