import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, entryOf, flagsOf, type MakeStore, message, uidsOf } from "./rig.ts";

export const flagTests = (makeStore: MakeStore): void =>
  area("flags", makeStore, (use) => {
    it("adds, removes and replaces", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a"), message("b", { flags: ["\\Draft"] })]);
      const inbox = await mail.open("INBOX");
      await inbox.store([1, 2], { mode: "add", flags: ["\\Seen", "\\Flagged"] });
      expect(flagsOf(await inbox.sync(), 1)).toEqual(["\\Flagged", "\\Seen"]);
      expect(flagsOf(inbox.snapshot, 2)).toEqual(["\\Draft", "\\Flagged", "\\Seen"]);
      await inbox.store([1, 2], { mode: "remove", flags: ["\\Seen", "\\Answered"] });
      expect(flagsOf(await inbox.sync(), 2)).toEqual(["\\Draft", "\\Flagged"]);
      await inbox.store([2], { mode: "replace", flags: ["\\Answered", "\\Deleted"] });
      expect(flagsOf(await inbox.sync(), 2)).toEqual(["\\Answered", "\\Deleted"]);
      await inbox.store([1, 2], { mode: "replace", flags: [] });
      expect([flagsOf(await inbox.sync(), 1), flagsOf(inbox.snapshot, 2)]).toEqual([[], []]);
      await inbox.close();
    });

    it("makes keywords, compares them without case, and passes over Recent", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a")]);
      const inbox = await mail.open("INBOX");
      expect(inbox.canAddKeywords).toBe(true);
      await inbox.store([1], { mode: "add", flags: ["$Junk", "Work", "\\Recent", "\\seen"] });
      await inbox.store([1], { mode: "add", flags: ["WORK"] });
      expect(flagsOf(await inbox.sync(), 1)).toEqual(["$Junk", "Work", "\\Seen"]);
      expect([...inbox.keywords].sort()).toEqual(["$Junk", "Work"]);
      await inbox.store([1], { mode: "remove", flags: ["work"] });
      expect(flagsOf(await inbox.sync(), 1)).toEqual(["$Junk", "\\Seen"]);
      await inbox.close();
    });

    it("keeps flags and UIDs when everything is opened again", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const inbox = await mail.open("INBOX");
      await inbox.store([2], { mode: "add", flags: ["\\Seen", "Later"] });
      const theirs = await (await other()).open("INBOX");
      expect(theirs.uidValidity).toBe(inbox.uidValidity);
      expect(flagsOf(theirs.snapshot, 2)).toEqual(["Later", "\\Seen"]);
      expect(theirs.keywords).toContain("Later");
      await inbox.close();
      await theirs.close();
    });

    it("changes only what UNCHANGEDSINCE allows, and says what it left alone", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const inbox = await mail.open("INBOX");
      const since = inbox.snapshot.highestModseq;
      await inbox.store([1], { mode: "add", flags: ["\\Seen"] });
      const { unchanged } = await inbox.store([1, 2], { mode: "add", flags: ["\\Flagged"], unchangedSince: since });
      expect(unchanged).toEqual([1]);
      const snapshot = await inbox.sync();
      expect([flagsOf(snapshot, 1), flagsOf(snapshot, 2)]).toEqual([["\\Seen"], ["\\Flagged"]]);
      expect(entryOf(snapshot, 2).modseq).toBeGreaterThan(since);
      expect(snapshot.highestModseq).toBeGreaterThanOrEqual(entryOf(snapshot, 2).modseq);
      await inbox.close();
    });

    it("never goes back with modseq when it is opened again", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a")]);
      const inbox = await mail.open("INBOX");
      for (let count = 0; count < 20; count++) {
        await inbox.store([1], { mode: count % 2 ? "add" : "remove", flags: ["\\Seen"] });
      }
      const last = (await inbox.sync()).highestModseq;
      const theirs = await (await other()).open("INBOX");
      await theirs.store([1], { mode: "add", flags: ["\\Flagged"] });
      expect((await theirs.sync()).highestModseq).toBeGreaterThan(last);
      await inbox.close();
      await theirs.close();
    });

    it("loses no flag when two processes change the same message", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a")]);
      const [ours, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 ? ours : theirs).store([1], { mode: "add", flags: [`k${index}`] }),
        ),
      );
      const expected = Array.from({ length: 12 }, (_, index) => `k${index}`).sort();
      expect(flagsOf(await ours.sync(), 1)).toEqual(expected);
      expect(flagsOf(await theirs.sync(), 1)).toEqual(expected);
      await ours.close();
      await theirs.close();
    });

    it("changes very many at once, and whatever comes next finds them changed", async () => {
      const { mail, other } = use();
      const count = 200;
      await mail.create("Copies");
      await mail.append(
        "INBOX",
        Array.from({ length: count }, (_, index) => message(`m${index}`, index % 2 ? { flags: ["\\Seen"] } : {})),
      );
      const [ours, theirs] = [await mail.open("INBOX"), await (await other()).open("INBOX")];
      const all = uidsOf(ours.snapshot);
      const before = ours.snapshot.highestModseq;
      await ours.store(all, { mode: "add", flags: ["\\Deleted", "Many"] });
      const copied = ours.copy([1, 2], "Copies");
      const read = ours.bytes(count, 1_000_000);
      const shown = await ours.sync();
      for (const uid of all)
        expect(flagsOf(shown, uid)).toEqual(["Many", "\\Deleted", ...(uid % 2 ? [] : ["\\Seen"])].sort());
      expect((await ours.changesSince(before)).changed).toEqual(all);
      expect(ours.keywords).toContain("Many");
      expect((await theirs.store([3, 4], { mode: "remove", flags: ["\\Deleted"] })).unchanged).toEqual([]);
      expect(flagsOf(await theirs.sync(), 5)).toEqual(["Many", "\\Deleted"]);
      expect((await ours.store(all.slice(100), { mode: "replace", flags: [] })).unchanged).toEqual([]);
      expect(await ours.expunge(null)).toEqual(all.slice(0, 100).filter((uid) => uid !== 3 && uid !== 4));
      const left = await ours.sync();
      expect(uidsOf(left)).toEqual([3, 4, ...all.slice(100)]);
      expect([flagsOf(left, 3), flagsOf(left, 101)]).toEqual([["Many"], []]);
      expect(uidsOf(await theirs.sync())).toEqual(uidsOf(left));
      expect(await read).not.toBeNull();
      expect((await copied).uids).toHaveLength(2);
      const copies = await mail.open("Copies");
      expect(flagsOf(copies.snapshot, 1)).toEqual(["Many", "\\Deleted"]);
      for (const mailbox of [ours, theirs, copies]) await mailbox.close();
    });

    it("passes over messages that are gone", async () => {
      const { mail, other } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] }), message("b")]);
      const inbox = await mail.open("INBOX");
      const theirs = await (await other()).open("INBOX");
      await theirs.expunge([1]);
      expect((await inbox.store([1, 2, 77], { mode: "add", flags: ["\\Seen"] })).unchanged).toEqual([]);
      expect(flagsOf(await inbox.sync(), 2)).toEqual(["\\Seen"]);
      await inbox.close();
      await theirs.close();
    });

    it("changes nothing through a read-only handle", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a", { flags: ["\\Deleted"] })]);
      const inbox = await mail.open("INBOX", { isReadOnly: true });
      expect(inbox.isReadOnly).toBe(true);
      expect(await codeOf(inbox.store([1], { mode: "add", flags: ["\\Seen"] }))).toBe("noPermission");
      expect(await codeOf(inbox.expunge(null))).toBe("noPermission");
      expect(flagsOf(await inbox.sync(), 1)).toEqual(["\\Deleted"]);
      await inbox.close();
    });
  });
