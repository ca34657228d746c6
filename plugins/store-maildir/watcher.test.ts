/** Changes by other programs are told, also when the kernel drops the events. The periodic look is an hour away. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes, Mailbox } from "postern/plugin";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let store: MaildirStore;
let mail: AccountMailboxes;
let opened: Mailbox[] = [];
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-watcher-"));
  store = storeWith({ maxWatches: 100, checkEvery: 3_600_000 });
  mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
});
afterEach(async () => {
  for (const one of opened) await one.close();
  opened = [];
  store.stop();
  rmSync(home, { recursive: true, force: true });
});

const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);

async function watched(name: string): Promise<{ mailbox: Mailbox; told(): Promise<void> }> {
  const mailbox = await mail.open(name);
  opened.push(mailbox);
  let tell = () => {};
  let count = 0;
  mailbox.onChange(() => {
    count++;
    tell();
  });
  let seen = 0;
  return {
    mailbox,
    async told() {
      while (count === seen) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      seen = count;
    },
  };
}

it("tells of each delivery, rename and deletion by another program, one after the other", async () => {
  await mail.append("INBOX", [{ content: [Buffer.from("Subject: first\r\n\r\n")] }]);
  const { mailbox, told } = await watched("INBOX");
  for (let round = 0; round < 5; round++) {
    const base = `170000000${round}.M1P1.host`;
    // As maildrop delivers, mutt marks as read and old programs delete.
    writeFileSync(maildir("tmp", base), "Subject: x\n\nx\n");
    renameSync(maildir("tmp", base), maildir("new", base));
    for (const [from, to] of [
      [`new/${base}`, `cur/${base}:2,`],
      [`cur/${base}:2,`, `cur/${base}:2,S`],
    ] as const) {
      await told();
      expect((await mailbox.sync()).size).toBe(2);
      // A read-only look would leave it in new/; this session moved it when it claimed it.
      const now = mailbox.snapshot.at(1).flags.has("\\Seen") ? to : `cur/${base}:2,`;
      if (from.startsWith("new/")) renameSync(maildir(now), maildir(`cur/${base}:2,F`));
      else renameSync(maildir(`cur/${base}:2,F`), maildir(to));
    }
    await told();
    expect([...(await mailbox.sync()).at(1).flags]).toEqual(["\\Seen"]);
    unlinkSync(maildir(`cur/${base}:2,S`));
    await told();
    expect((await mailbox.sync()).size).toBe(1);
  }
});

it("tells of a change whose event was dropped because the queue was full", async () => {
  for (const name of ["Busy", "Quiet"]) await mail.create(name);
  await watched("Busy");
  const quiet = await watched("Quiet");
  writeFileSync(maildir(".Busy/cur/1700000000.M1P1.host:2,"), "Subject: x\n\nx\n");
  await new Promise((resolve) => setImmediate(resolve));
  // Nobody reads the queue meanwhile: each rename puts two events into it, until it is full.
  let name = maildir(".Busy/cur/1700000000.M1P1.host:2,");
  for (let count = 0; count < 12_000; count++) {
    const next = maildir(`.Busy/cur/1700000000.M1P1.host:2,${count % 2 ? "S" : "F"}`);
    renameSync(name, next);
    name = next;
  }
  writeFileSync(maildir(".Quiet/new/1700000001.M1P1.host"), "Subject: y\n\ny\n");
  await quiet.told();
  expect((await quiet.mailbox.sync()).size).toBe(1);
});

it("loses and doubles nothing while we stand still and others deliver, rename and delete", async () => {
  const { mailbox, told } = await watched("INBOX");
  const script = `i=1000; while [ $i -lt 1300 ]; do
    printf 'Subject: m%s\\n\\nx\\n' $i > "$1/tmp/17000$i.M1P1.host"; mv "$1/tmp/17000$i.M1P1.host" "$1/new/17000$i.M1P1.host"
    case $i in *0) rm "$1/new/17000$i.M1P1.host";; *5) mv "$1/new/17000$i.M1P1.host" "$1/cur/17000$i.M1P1.host:2,S";; esac
    i=$((i+1)); done`;
  spawnSync("sh", ["-c", script, "sh", maildir()]);
  while ((await mailbox.sync()).size < 270) await told();
  const subjects = new Set<string>();
  for (let index = 0; index < 270; index++) {
    subjects.add(String(await mailbox.bytes(mailbox.snapshot.at(index).uid, 1_000)));
  }
  expect([mailbox.snapshot.size, subjects.size]).toEqual([270, 270]);
});
