/** What a power cut may leave of a Maildir that was just being made. */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let store: MaildirStore;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-half-made-"));
  store = storeWith();
});
afterEach(async () => {
  store.stop();
  await rm(home, { recursive: true, force: true });
});

it.each([[["cur"]], [["new"]], [["tmp"]], [["cur", "tmp"]], [["cur", "new"]], [["new", "tmp"]]])(
  "a Maildir of which only %j is there takes mail, and can be read",
  async (there) => {
    for (const part of there) await mkdir(join(home, "Maildir", part), { recursive: true });
    const mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
    await mail.deliver("INBOX", { content: [Buffer.from("Subject: m\r\n\r\n")], deliveryId: "m.1" });
    expect(await readdir(join(home, "Maildir/new"))).toHaveLength(1);
    const inbox = await mail.open("INBOX");
    expect(inbox.snapshot.size).toBe(1);
    await inbox.close();
  },
);

it("a session may come before the first delivery", async () => {
  await mkdir(join(home, "Maildir/cur"), { recursive: true });
  const mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
  const inbox = await mail.open("INBOX");
  expect(inbox.snapshot.size).toBe(0);
  await inbox.close();
});
