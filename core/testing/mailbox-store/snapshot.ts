import { expect, it } from "vitest";
import { area } from "./area.ts";
import { type MakeStore, message, uidsOf } from "./rig.ts";

export const snapshotTests = (makeStore: MakeStore): void =>
  area("snapshots", makeStore, (use) => {
    it("changes for a handle only by its sync, and then only where something changed", async () => {
      const { mail } = use();
      await mail.append(
        "INBOX",
        Array.from({ length: 5 }, (_, index) => message(`m${index}`)),
      );
      const inbox = await mail.open("INBOX");
      const before = inbox.snapshot;
      await inbox.store([3], { mode: "add", flags: ["\\Seen"] });
      await mail.append("INBOX", [message("new")]);
      expect(inbox.snapshot).toBe(before);
      const after = await inbox.sync();
      expect(inbox.snapshot).toBe(after);
      expect(uidsOf(before)).toEqual([1, 2, 3, 4, 5]);
      expect(before.at(2).flags.size).toBe(0);
      expect([0, 1, 2, 3, 4].map((at) => before.at(at) === after.at(at))).toEqual([true, true, false, true, true]);
      expect(await inbox.sync()).toBe(after);
      await inbox.close();
    });

    it("finds by index and by UID, and throws beyond", async () => {
      const { mail } = use();
      const deleted = { flags: ["\\Deleted"] };
      await mail.append("INBOX", [message("a"), message("b", deleted), message("c"), message("d", deleted)]);
      const inbox = await mail.open("INBOX");
      await inbox.expunge(null);
      const snapshot = await inbox.sync();
      expect([0, 1, 2, 3, 4, 99].map((uid) => snapshot.indexOf(uid))).toEqual([0, 0, 1, 1, 2, 2]);
      expect(snapshot.at(1).uid).toBe(3);
      expect(snapshot.uidNext).toBe(5);
      for (const index of [-1, 2, 0.5, Number.NaN]) expect(() => snapshot.at(index)).toThrow(RangeError);
      await inbox.close();
    });

    it("holds through many changes of a large mailbox", async () => {
      const { mail } = use();
      for (let batch = 0; batch < 12; batch++) {
        await mail.append(
          "INBOX",
          Array.from({ length: 100 }, (_, index) => message(`${batch}-${index}`)),
        );
      }
      const inbox = await mail.open("INBOX");
      let expected = uidsOf(inbox.snapshot);
      expect(expected).toEqual(Array.from({ length: 1200 }, (_, index) => index + 1));
      for (const modulus of [7, 3, 2]) {
        const doomed = expected.filter((uid) => uid % modulus === 0);
        await inbox.store(doomed, { mode: "add", flags: ["\\Deleted"] });
        expect(await inbox.expunge(null)).toEqual(doomed);
        expected = expected.filter((uid) => uid % modulus !== 0);
        const snapshot = await inbox.sync();
        expect(uidsOf(snapshot)).toEqual(expected);
        expect(expected.every((uid, index) => snapshot.indexOf(uid) === index)).toBe(true);
      }
      await inbox.close();
    });
  });
