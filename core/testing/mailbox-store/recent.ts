import { expect, it } from "vitest";
import { area } from "./area.ts";
import { type MakeStore, message, uidsOf } from "./rig.ts";

export const recentTests = (makeStore: MakeStore): void =>
  area("recent", makeStore, (use) => {
    it("gives each new message to one session only", async () => {
      const { mail, other } = use();
      await mail.deliver("INBOX", message("a"));
      const watching = await mail.open("INBOX", { isReadOnly: true });
      expect([watching.snapshot.size, watching.recent.size]).toEqual([1, 0]);
      expect((await mail.status("INBOX")).recent).toBe(1);
      const first = await mail.open("INBOX");
      expect([...first.recent]).toEqual([1]);
      const second = await (await other()).open("INBOX");
      expect([...second.recent]).toEqual([]);
      expect((await mail.status("INBOX")).recent).toBe(0);
      await mail.deliver("INBOX", message("b"));
      await second.sync();
      await first.sync();
      expect([[...first.recent], [...second.recent]]).toEqual([[1], [2]]);
      for (const mailbox of [watching, first, second]) await mailbox.close();
    });

    it("leaves them to others where a session claims none, also while it changes them", async () => {
      const { mail, other } = use();
      for (const name of ["a", "b"]) await mail.deliver("INBOX", message(name));
      const guest = await mail.open("INBOX", { claimsRecent: false });
      expect([guest.isReadOnly, guest.recent.size, uidsOf(guest.snapshot)]).toEqual([false, 0, [1, 2]]);
      await guest.sync();
      expect((await mail.status("INBOX")).recent).toBe(2);
      await guest.store([1], { mode: "add", flags: ["\\Flagged"] });
      const owner = await (await other()).open("INBOX");
      expect([...owner.recent]).toContain(2);
      expect(owner.snapshot.at(0).flags).toContain("\\Flagged");
      await guest.sync();
      expect(guest.recent.size).toBe(0);
      for (const mailbox of [guest, owner]) await mailbox.close();
    });

    it("claims each once when many sessions of two processes look at the same time", async () => {
      const { mail, other } = use();
      const theirs = await other();
      const sessions = await Promise.all([0, 1, 2, 3].map((at) => (at % 2 ? mail : theirs).open("INBOX")));
      await Promise.all(Array.from({ length: 24 }, (_, index) => mail.deliver("INBOX", message(`m${index}`))));
      await Promise.all(sessions.map((session) => session.sync()));
      await Promise.all(sessions.map((session) => session.sync()));
      const claimed = sessions.flatMap((session) => [...session.recent]).sort((a, b) => a - b);
      expect(claimed).toEqual(uidsOf((await sessions[0]?.sync()) ?? (await Promise.reject(new Error("no session")))));
      for (const session of sessions) await session.close();
    });
  });
