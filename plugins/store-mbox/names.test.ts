/** Mailboxes that other programs make are told of. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountMailboxes } from "postern/plugin";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MboxStore } from "./store.ts";
import { storeWith } from "./testing/open-store.ts";

let home = "";
let store: MboxStore;
let mail: AccountMailboxes;
let tell = () => {};
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "postern-names-"));
  store = storeWith({ maxWatches: 100, checkEvery: 3_600_000 });
  mail = await store.of({ login: "someone", addresses: [], home, quotaBytes: null });
  mail.onNames?.(() => tell());
});
afterEach(() => {
  store.stop();
  rmSync(home, { recursive: true, force: true });
});

const inMail = (...steps: readonly string[]): string => join(home, "mail", ...steps);

async function namesAfter(change: () => void): Promise<readonly string[]> {
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  change();
  await told;
  return (await mail.list()).filter(({ isSelectable }) => isSelectable).map(({ name }) => name);
}

it("made, renamed and removed, as children too, and those that are subscribed", async () => {
  expect(await namesAfter(() => writeFileSync(inMail("Sent"), ""))).toEqual(["INBOX", "Sent"]);
  expect(await namesAfter(() => mkdirSync(inMail("Lists")))).toEqual(["INBOX", "Sent"]);
  expect(await namesAfter(() => writeFileSync(inMail("Lists/Node"), ""))).toEqual(["INBOX", "Lists/Node", "Sent"]);
  expect(await namesAfter(() => writeFileSync(inMail("Lists/mBoX-MeSsAgEs"), ""))).toContain("Lists");
  expect(await namesAfter(() => renameSync(inMail("Sent"), inMail("Old")))).toContain("Old");
  expect(await namesAfter(() => rmSync(inMail("Lists/Node")))).toEqual(["INBOX", "Lists", "Old"]);
  await namesAfter(() => writeFileSync(inMail(".subscriptions"), "Old\n"));
  expect(await mail.subscriptions()).toEqual(["Old"]);
});

it("locks, and what is to become one, are no mailboxes", async () => {
  writeFileSync(inMail("Sent.lock"), "");
  writeFileSync(inMail(`Sent.lock.${process.pid}.1`), "");
  expect((await mail.list()).map(({ name }) => name)).toEqual(["INBOX"]);
});
