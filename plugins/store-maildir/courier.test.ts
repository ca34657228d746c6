import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { AccountMailboxes, Log, Mailbox } from "postern/plugin";
import { keptLog } from "postern/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MaildirStore } from "./store.ts";
import { quietLog } from "./testing/quiet-log.ts";
import { storeWith } from "./testing/store-in.ts";

let home = "";
let stores: MaildirStore[] = [];
const maildir = (...parts: readonly string[]): string => join(home, "Maildir", ...parts);
const put = (path: string, text = "Subject: x\n\nbody\n"): void => {
  mkdirSync(dirname(maildir(path)), { recursive: true });
  writeFileSync(maildir(path), text);
};
async function opened(log: Log = quietLog): Promise<AccountMailboxes> {
  const store = storeWith({ log });
  stores.push(store);
  return store.of({ login: "someone", addresses: [], home, quotaBytes: null });
}
const shown = ({ snapshot }: Mailbox) =>
  Array.from({ length: snapshot.size }, (_, index) => {
    const { uid, flags } = snapshot.at(index);
    return [uid, [...flags].sort().join(" ")];
  });

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "postern-courier-"));
  for (const folder of ["", ".Sent.Old"]) {
    for (const step of ["tmp", "new", "cur"]) mkdirSync(maildir(folder, step), { recursive: true });
  }
  // As Courier 5 leaves it.
  put("cur/1300000001.M1P1V1I1_0.host,S=17:2,S");
  put("cur/1300000002.M1P1V1I2_0.host,S=17:2,");
  put("cur/1300000003.M1P1V1I3_0.host,S=17:2,RS");
  put("new/1300000004.M1P1V1I4_0.host,S=17");
  put(
    "courierimapuiddb",
    "1 1234567 40\n7 1300000001.M1P1V1I1_0.host,S=17\n8 gone\n21 1300000003.M1P1V1I3_0.host,S=17\n",
  );
  put(
    "courierpop3dsizelist",
    "/2 44 7654321\ncur/1300000001.M1P1V1I1_0.host,S=17:2,S 20 3:7654321\ncur/1300000002.M1P1V1I2_0.host,S=17:2, 20 41:7654321\n1300000003.M1P1V1I3_0.host,S=17:2, 20 0:0\n",
  );
  put(
    "courierimapkeywords/:list",
    "$Forwarded\nWork\n\n1300000001.M1P1V1I1_0.host,S=17:0 1\n1300000003.M1P1V1I3_0.host,S=17:1\ngone:0\n",
  );
  put("courierimapkeywords/.12.1300000003.M1P1V1I3_0.host,S=17", "Older\n");
  put("courierimapkeywords/.13.1300000003.M1P1V1I3_0.host,S=17", "Later\nWork\n");
  put("courierimapkeywords/1300000004.M1P1V1I4_0.host,S=17", "Work\n");
  put("courierimapsubscribed", "INBOX\nINBOX.Sent.Old\nINBOX.Entw&APw-rfe\n");
  put(".Sent.Old/cur/1300000009.M1P1V1I9_0.host,S=17:2,S");
  put(".Sent.Old/courierimapuiddb", "1 999 6\n5 1300000009.M1P1V1I9_0.host,S=17\n");
});
afterEach(() => {
  for (const store of stores) store.stop();
  stores = [];
  rmSync(home, { recursive: true, force: true });
});

it("takes over UIDVALIDITY, UIDs, keywords, subscriptions and the unique-ids of POP3", async () => {
  const { log, lines } = keptLog();
  const mail = await opened(log);
  const inbox = await mail.open("INBOX");
  expect([inbox.uidValidity, inbox.snapshot.uidNext]).toEqual([1_234_567, 42]);
  expect(shown(inbox)).toEqual([
    [7, "$Forwarded Work \\Seen"],
    [21, "Later Work \\Answered \\Seen"],
    [40, ""],
    [41, "Work"],
  ]);
  const ids = await mail.uniqueIds(inbox);
  expect([7, 21, 40, 41].map((uid) => [uid, ids.get(uid)])).toEqual([
    [7, "UID3-7654321"],
    [21, "1300000003.M1P1V1I3_0.host,S=17"],
    [40, "UID41-7654321"],
    [41, `00000029${(1_234_567).toString(16).padStart(8, "0")}`],
  ]);
  await inbox.close();
  expect((await mail.status("Sent/Old")).uidValidity).toBe(999);
  expect(await mail.subscriptions()).toEqual(["INBOX", "Sent/Old", "Entwürfe"]);
  expect(lines.filter(({ level }) => level !== "info" && level !== "debug")).toEqual([]);
  expect(readFileSync(maildir("courierimapuiddb"), "utf8")).toContain("1 1234567 40");
});

it("reads Courier's files once: what is changed here holds", async () => {
  const mail = await opened();
  await mail.unsubscribe("Sent/Old");
  const inbox = await mail.open("INBOX");
  await inbox.store([7], { mode: "remove", flags: ["Work"] });
  await inbox.close();
  const again = await opened();
  expect(await again.subscriptions()).toEqual(["INBOX", "Entwürfe"]);
  const seen = await again.open("INBOX");
  expect(shown(seen)[0]).toEqual([7, "$Forwarded \\Seen"]);
  await seen.close();
  // A list that is lost later is not replaced by Courier's old one: its UIDs have been given on.
  unlinkSync(maildir("dovecot-uidlist"));
  const fresh = await (await opened()).open("INBOX");
  expect(fresh.uidValidity).toBeGreaterThan(1_234_567);
  await fresh.close();
});

it("goes on after a crash in the middle", async () => {
  put("dovecot-keywords", "0 Work\n");
  const [first = ""] = readdirSync(maildir("cur")).sort();
  writeFileSync(maildir("cur", `${first}`), "Subject: x\n\nbody\n");
  const inbox = await (await opened()).open("INBOX");
  expect(shown(inbox)[0]).toEqual([7, "$Forwarded Work \\Seen"]);
  await inbox.close();
});

it("reports what makes no sense, and gives those messages new UIDs", async () => {
  put(
    "courierimapuiddb",
    "1 1234567 40\nnonsense\n7 1300000001.M1P1V1I1_0.host,S=17\n7 1300000002.M1P1V1I2_0.host,S=17\n",
  );
  put("courierpop3dsizelist", "/2 44 7654321\nnonsense\n");
  put("courierimapkeywords/:list", "Work\n\n1300000001.M1P1V1I1_0.host,S=17:9\nnonsense\n");
  const { log, lines } = keptLog();
  const inbox = await (await opened(log)).open("INBOX");
  expect(shown(inbox).map(([uid]) => uid)).toEqual([7, 40, 41, 42]);
  expect(lines.filter(({ level }) => level === "warn").map(({ fields }) => [fields.file, fields.lines])).toEqual([
    ["courierimapuiddb", [2, 4]],
    ["courierpop3dsizelist", [2]],
    ["courierimapkeywords/:list", [3, 4]],
  ]);
  await inbox.close();
});

it("keeps the 26 keywords that most messages have", async () => {
  const words = Array.from({ length: 30 }, (_, index) => `k${index}`);
  rmSync(maildir("courierimapkeywords"), { recursive: true });
  put("courierimapkeywords/1300000001.M1P1V1I1_0.host,S=17", words.join("\n"));
  put("courierimapkeywords/1300000002.M1P1V1I2_0.host,S=17", words.slice(4).join("\n"));
  const { log, lines } = keptLog();
  const inbox = await (await opened(log)).open("INBOX");
  expect([...inbox.keywords].sort()).toEqual(words.slice(4).sort());
  expect(lines.find(({ level }) => level === "warn")?.fields.keywords).toEqual(words.slice(0, 4));
  expect(existsSync(maildir("courierimapkeywords"))).toBe(true);
  await inbox.close();
});
