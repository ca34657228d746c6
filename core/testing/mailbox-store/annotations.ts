import { expect, it } from "vitest";
import type { AccountMailboxes } from "../../contracts/mailbox-store.ts";
import { area } from "./area.ts";
import { codeOf, type MakeStore } from "./rig.ts";

const entries = (...pairs: readonly (readonly [string, string | null])[]) =>
  new Map(pairs.map(([name, value]) => [name, value === null ? null : Buffer.from(value)] as const));
const kept = async (mail: AccountMailboxes, name: string | null): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries([...(await mail.annotations(name))].map(([entry, value]) => [entry, value.toString("latin1")]));

export const annotationTests = (makeStore: MakeStore): void =>
  area("annotations", makeStore, (use) => {
    it("are kept by name in any case, octet by octet, until they are removed", async () => {
      const { mail, other } = use();
      await mail.create("Box");
      expect(await kept(mail, "Box")).toEqual({});
      const octets = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
      await mail.annotate(
        "Box",
        entries(["/private/Comment", "mine"], ["/shared/comment", "ours"], ["/private/gone", "x"]),
      );
      await mail.annotate("Box", new Map([["/private/vendor/a/b", octets]]));
      await mail.annotate(
        "Box",
        entries(["/PRIVATE/comment", "my own"], ["/private/gone", null], ["/private/never", null]),
      );
      const theirs = await other();
      expect(await kept(theirs, "Box")).toEqual({
        ...{ "/private/comment": "my own", "/shared/comment": "ours" },
        "/private/vendor/a/b": octets.toString("latin1"),
      });
      expect(await kept(theirs, "INBOX")).toEqual({});
    });

    it("of the server are the account's own", async () => {
      const { mail } = use();
      await mail.annotate(null, entries(["/private/comment", "me"]));
      expect(await kept(mail, null)).toEqual({ "/private/comment": "me" });
      expect(await kept(mail, "INBOX")).toEqual({});
      expect(await codeOf(mail.annotate(null, entries(["/shared/admin", "x"])))).toBe("noPermission");
    });

    it("refuses names that are none, and what is too much, and changes nothing then", async () => {
      const { mail } = use();
      await mail.annotate("INBOX", entries(["/private/a", "1"]));
      const { valueBytes, entries: most } = mail.annotationLimits;
      for (const name of [
        "",
        "a",
        "/private",
        "/private/",
        "/other/a",
        "/private//a",
        "/private/a/",
        "/private/*",
        "/private/ä",
        "/private/a\n",
      ]) {
        expect([name, await codeOf(mail.annotate("INBOX", entries(["/private/b", "2"], [name, "x"])))]).toEqual([
          name,
          "cannot",
        ]);
      }
      expect(await codeOf(mail.annotate("INBOX", entries(["/private/b", "x".repeat(valueBytes + 1)])))).toBe("limit");
      const many = Array.from({ length: most }, (_, at) => [`/private/many/${at}`, "x"] as const);
      expect(await codeOf(mail.annotate("INBOX", entries(...many)))).toBe("limit");
      expect(await kept(mail, "INBOX")).toEqual({ "/private/a": "1" });
      await mail.annotate("INBOX", entries(["/private/b", "x".repeat(valueBytes)], ...many.slice(2)));
      expect((await mail.annotations("INBOX")).size).toBe(most);
    });

    it("go with their mailbox, but stay with INBOX", async () => {
      const { mail } = use();
      await mail.create("Old");
      await mail.annotate("Old", entries(["/private/comment", "old"]));
      await mail.rename("Old", "New/Name");
      expect(await kept(mail, "New/Name")).toEqual({ "/private/comment": "old" });
      expect(await codeOf(mail.annotations("Old"))).toBe("nonexistent");
      expect(await codeOf(mail.annotate("Old", entries(["/private/comment", "x"])))).toBe("nonexistent");
      await mail.delete("New/Name");
      await mail.create("New/Name");
      expect(await kept(mail, "New/Name")).toEqual({});
      await mail.annotate("INBOX", entries(["/private/comment", "in"]));
      await mail.rename("INBOX", "Archive");
      expect(await kept(mail, "INBOX")).toEqual({ "/private/comment": "in" });
      expect(await kept(mail, "Archive")).toEqual({});
    });

    it("loses none when two processes set some at once", async () => {
      const { mail, other } = use();
      const theirs = await other();
      await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          (at % 2 ? mail : theirs).annotate("INBOX", entries([`/private/n${at}`, String(at)])),
        ),
      );
      expect((await mail.annotations("INBOX")).size).toBe(20);
    });
  });
