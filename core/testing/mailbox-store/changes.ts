import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, flagsOf, type MakeStore, message, nextChange, subjectsOf, uidsOf } from "./rig.ts";

export const changeTests = (makeStore: MakeStore): void =>
  area("changes by others", makeStore, (use) => {
    it("tells a waiting session of a delivery by this and by another process", async () => {
      const { mail, other } = use();
      const inbox = await mail.open("INBOX");
      const theirs = await other();
      for (const [subject, by] of [
        ["here", mail],
        ["there", theirs],
      ] as const) {
        const waiting = nextChange(inbox);
        await by.deliver("INBOX", message(subject));
        await waiting.told;
        waiting.stop();
        await inbox.sync();
      }
      expect(await subjectsOf(inbox)).toEqual(["here", "there"]);
      await inbox.close();
    });

    it("tells of flags and expunges of another session, and not of one's own", async () => {
      const { mail } = use();
      await mail.append("INBOX", [message("a"), message("b")]);
      const [one, two] = [await mail.open("INBOX"), await mail.open("INBOX")];
      let own = 0;
      const stop = one.onChange(() => own++);
      const waiting = nextChange(two);
      await one.store([1], { mode: "add", flags: ["\\Deleted"] });
      await one.sync();
      await waiting.told;
      expect(flagsOf(await two.sync(), 1)).toEqual(["\\Deleted"]);
      waiting.stop();
      const again = nextChange(two);
      await one.expunge(null);
      await one.sync();
      await again.told;
      expect(uidsOf(await two.sync())).toEqual([2]);
      again.stop();
      expect(own).toBe(0);
      stop();
      await one.close();
      await two.close();
    });

    it("stops telling when asked to and after close", async () => {
      const { mail } = use();
      const [one, two] = [await mail.open("INBOX"), await mail.open("INBOX")];
      let told = 0;
      one.onChange(() => told++)();
      one.onChange(() => told++);
      await one.close();
      const waiting = nextChange(two);
      await mail.deliver("INBOX", message("x"));
      await waiting.told;
      expect(told).toBe(0);
      expect(await codeOf(one.sync())).not.toBe("resolved");
      await two.close();
    });

    it("says nonexistent to whoever has a mailbox open that was deleted or renamed", async () => {
      const { mail, other } = use();
      await mail.create("Old");
      await mail.create("Gone");
      const [old, gone] = [await mail.open("Old"), await mail.open("Gone")];
      const theirs = await (await other()).open("Old");
      await mail.rename("Old", "New");
      await mail.delete("Gone");
      for (const mailbox of [old, gone, theirs]) {
        expect(await codeOf(mailbox.sync())).toBe("nonexistent");
        await mailbox.close();
      }
    });
  });
