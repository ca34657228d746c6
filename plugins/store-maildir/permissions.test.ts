import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes } from "postern/plugin";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let store: MaildirStore;
let mail: AccountMailboxes;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-permissions-"));
  store = storeWith();
  mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
});
afterEach(() => {
  store.stop();
  rmSync(home, { recursive: true, force: true });
});

/** Files and directories by their permissions. */
function modes(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const root = join(home, "Maildir");
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    // Dovecot's marker of the last UIDVALIDITY is nobody's to write.
    if (entry.name.startsWith("dovecot-uidvalidity.")) continue;
    const mode = (statSync(join(entry.parentPath, entry.name)).mode & 0o7777).toString(8);
    const key = `${entry.isDirectory() ? "directory" : "file"} ${mode}`;
    found.set(key, [...(found.get(key) ?? []), entry.name]);
  }
  return found;
}

async function fill(): Promise<void> {
  await mail.create("Sub/Deep");
  for (const name of ["INBOX", "Sub/Deep"]) {
    await mail.append(name, [{ content: [Buffer.from("Subject: x\r\n\r\n")], flags: ["\\Seen", "Word"] }]);
    await mail.deliver(name, { content: [Buffer.from("Subject: y\r\n\r\n")] });
  }
  await mail.subscribe("Sub/Deep");
}

it("makes everything the owner's alone, whatever others may read", async () => {
  mkdirSync(join(home, "Maildir"), { mode: 0o755 });
  chmodSync(join(home, "Maildir"), 0o755);
  await fill();
  expect([...modes().keys()].sort()).toEqual(["directory 700", "file 600"]);
});

it("shares with the group what is made in a mailbox that the group may write", async () => {
  mkdirSync(join(home, "Maildir"));
  chmodSync(join(home, "Maildir"), 0o2775);
  await fill();
  expect([...modes().keys()].sort()).toEqual(["directory 2770", "file 660"]);
});
