import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, type MakeStore } from "./rig.ts";

export const subscriptionTests = (makeStore: MakeStore): void =>
  area("subscriptions", makeStore, (use) => {
    it("keeps names, also of mailboxes that are gone", async () => {
      const { mail, other } = use();
      await mail.create("A/Ö");
      await mail.subscribe("A/Ö");
      await mail.subscribe("A/Ö");
      await mail.subscribe("inbox");
      await mail.subscribe("Not yet");
      await mail.delete("A/Ö");
      const theirs = await other();
      expect((await theirs.subscriptions()).toSorted()).toEqual(["A/Ö", "INBOX", "Not yet"].toSorted());
      await theirs.unsubscribe("A/Ö");
      await theirs.unsubscribe("A/Ö");
      expect((await mail.subscriptions()).toSorted()).toEqual(["INBOX", "Not yet"]);
      expect((await mail.list()).find(({ name }) => name === "INBOX")?.isSubscribed).toBe(true);
      expect(await codeOf(mail.subscribe("../x"))).toBe("cannot");
    });

    it("loses none when two processes subscribe at once", async () => {
      const { mail, other } = use();
      const theirs = await other();
      const names = Array.from({ length: 20 }, (_, index) => `Box${index}`);
      await Promise.all(names.map((name, index) => (index % 2 ? mail : theirs).subscribe(name)));
      expect((await mail.subscriptions()).toSorted()).toEqual(names.toSorted());
    });
  });
