import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { storeWith } from "./testing/store-in.ts";

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "postern-twins-"));
});
afterEach(() => rm(home, { recursive: true }));

it("a mailbox that is there in both spellings is found, and its other half gets a name of its own", async () => {
  for (const folder of ["", ".Entw&APw-rfe", ".Entwürfe"]) {
    for (const step of ["cur", "new", "tmp"]) await mkdir(join(home, "Maildir", folder, step), { recursive: true });
  }
  await writeFile(join(home, "Maildir", ".Entw&APw-rfe/cur/1.a.h:2,"), "Subject: a\r\n\r\n");
  await writeFile(join(home, "Maildir", ".Entwürfe/cur/2.b.h:2,"), "Subject: b\r\n\r\n");
  const store = storeWith();
  const mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
  const inspected = async (repair: boolean) =>
    (await mail.inspect("Entwürfe", { repair })).filter(({ kind }) => kind === "wrong-name");
  const told = { kind: "wrong-name", text: expect.stringContaining("its mail is not shown"), uid: null };
  expect(await inspected(false)).toEqual([{ ...told, done: null }]);
  expect(await inspected(true)).toEqual([{ ...told, done: "it is the mailbox Entwürfe-2 now" }]);
  expect(await inspected(false)).toEqual([]);
  expect((await mail.list()).map(({ name }) => name)).toEqual(["INBOX", "Entwürfe", "Entwürfe-2"]);
  for (const name of ["Entwürfe", "Entwürfe-2"]) expect((await mail.status(name)).messages).toBe(1);
  expect((await readdir(join(home, "Maildir"))).filter((name) => name.startsWith(".Entw"))).toHaveLength(2);
  store.stop();
});
