import { expect, it } from "vitest";
import { area } from "./area.ts";
import { codeOf, type MakeStore, message } from "./rig.ts";

const FINE = [
  "Entwürfe",
  "受信箱/下書き",
  "a & b",
  "&",
  "&-x",
  "a,b",
  "with space",
  "Ünï/cödé",
  "😀",
  "*",
  "%x",
  "a\\b",
  '"q"',
];
const BAD = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  "..",
  "../x",
  "a/../../b",
  ".",
  "a\u0000b",
  "a\nb",
  "a\u0085b",
  "\ud800",
  " ",
  "x".repeat(300),
  Array.from({ length: 200 }, () => "x").join("/"),
];

export const namesTests = (makeStore: MakeStore): void =>
  area("names", makeStore, (use) => {
    it("keeps names of any script apart, and finds them again", async () => {
      const { mail, other } = use();
      for (const name of FINE) {
        await mail.create(name);
        await mail.append(name, [message("m")]);
      }
      const listed = (await (await other()).list()).map(({ name }) => name);
      expect(listed).toEqual(expect.arrayContaining(FINE));
      for (const name of FINE) expect((await mail.status(name)).messages).toBe(1);
    });

    it("refuses names that cannot be or could lead out, wherever a name is taken", async () => {
      const { mail } = use();
      await mail.create("Fine");
      const inbox = await mail.open("INBOX");
      for (const name of BAD) {
        const ways = [
          mail.create(name),
          mail.open(name),
          mail.status(name),
          mail.delete(name),
          mail.rename("Fine", name),
          mail.rename(name, "Other"),
          mail.append(name, [message("x")]),
          mail.deliver(name, message("x"), { create: true }),
          inbox.copy([1], name),
        ];
        expect([name, ...(await Promise.all(ways.map(codeOf)))]).toEqual([name, ...ways.map(() => "cannot")]);
      }
      expect((await mail.list()).map(({ name }) => name)).toEqual(["INBOX", "Fine"]);
      await inbox.close();
    });
  });
