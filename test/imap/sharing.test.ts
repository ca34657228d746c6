/** Shared mailboxes on real files, several logins at once: what each may see and do, and that each is told what changed. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RawClient } from "./raw-client.ts";
import { serverForEach } from "./server-for-each.ts";

describe("a shared mailbox", () => {
  const imap = serverForEach();
  const { login } = imap;

  const maildir = (user: string, ...parts: readonly string[]) => join(imap.server.root, user, "Maildir", ...parts);
  const append = async (client: RawClient, name: string, subject: string, flags = "") => {
    const text = `Subject: ${subject}\r\n\r\nText\r\n`;
    const lines = await client.ok(`APPEND ${name} (${flags}) {${text.length}+}\r\n${text}`);
    return Number(/APPENDUID \d+ (\d+)/.exec(lines.join("\n"))?.[1]);
  };
  /** UIDs to flags, by this client. */
  const flagsIn = async (client: RawClient) => {
    const found = new Map<number, string>();
    for (const line of await client.ok("UID FETCH 1:* (FLAGS)")) {
      const seen = /UID (\d+)[^(]*FLAGS \(([^)]*)\)|FLAGS \(([^)]*)\) UID (\d+)/.exec(line);
      if (seen)
        found.set(
          Number(seen[1] ?? seen[4]),
          (seen[2] ?? seen[3] ?? "")
            .split(" ")
            .filter((flag) => flag !== "\\Recent")
            .sort()
            .join(" "),
        );
    }
    return found;
  };
  const shared = '"Other Users/ann/INBOX"';

  it("is closed by a damaged line to all but its owner, and opens when it is mended", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await append(ann, "INBOX", "one");
    await ann.ok("SETACL INBOX bob lr");
    await bob.ok(`EXAMINE ${shared}`);
    writeFileSync(maildir("ann", "dovecot-acl"), "user=bob lr\nuser=cid lq\n");
    expect((await bob.command(`STATUS ${shared} (MESSAGES)`)).at(-1)).toMatch(/^NO \[NONEXISTENT\]/);
    expect((await bob.ok('LIST "" "Other*"')).join()).not.toContain("ann");
    await ann.ok("STATUS INBOX (MESSAGES)");
    expect((await ann.command("SETACL INBOX bob lrs")).at(-1)).toMatch(/^NO \[CORRUPTION\]/);
    expect(
      imap.server.logLines.some(({ fields }) => fields.line === 2 && String(fields.file).endsWith("dovecot-acl")),
    ).toBe(true);
    writeFileSync(maildir("ann", "dovecot-acl"), "user=bob lr\n");
    await bob.ok(`STATUS ${shared} (MESSAGES)`);
  });

  it("gives parts of its messages to CATENATE where one may read it", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await append(ann, "INBOX", "one");
    await ann.ok("SETACL INBOX bob lr");
    const url = "/Other%20Users/ann/INBOX/;UID=1/;SECTION=TEXT";
    const part = "Subject: mine\r\n\r\n";
    const command = `APPEND INBOX CATENATE (TEXT {${part.length}+}\r\n${part} URL "${url}")`;
    await bob.ok(command);
    await bob.ok("SELECT INBOX");
    expect((await bob.ok("FETCH 1 BODY.PEEK[]"))[0]).toContain(`${part}Text\r\n)`);
    for (const rights of ["l", ""]) {
      await ann.ok(`SETACL INBOX bob "${rights}"`);
      expect((await bob.command(command)).at(-1)).toMatch(/^NO \[BADURL [^ ]+\] /);
    }
  });

  it("leaves what is new to its owner, whoever reads it before", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await ann.ok("SETACL INBOX bob lrswite");
    const mailboxes = await imap.server.mailboxesOf("ann");
    for (const text of ["one", "two"]) await mailboxes.deliver("INBOX", { content: [Buffer.from(`${text}\r\n`)] });
    expect(await bob.ok(`SELECT ${shared}`)).toContain("* 0 RECENT");
    expect((await bob.ok(`STATUS ${shared} (MESSAGES RECENT)`)).join()).toContain("(MESSAGES 2 RECENT 0)");
    await bob.ok("STORE 1 +FLAGS (\\Seen)");
    expect(await ann.ok("SELECT INBOX")).toContain("* 2 RECENT");
  });

  it("is not shown by a hint alone, and the file alone is found by whoever reads it", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await append(ann, "INBOX", "one");
    await ann.ok("SETACL INBOX bob lr");
    rmSync(maildir("ann", "dovecot-acl"));
    expect((await bob.command(`SELECT ${shared}`)).at(-1)).toMatch(/^NO \[NONEXISTENT\]/);
    // As another server left it: nobody has read it yet.
    rmSync(join(imap.server.root, "sharing"), { recursive: true });
    await ann.ok("CREATE Box");
    writeFileSync(maildir("ann", ".Box", "dovecot-acl"), "user=bob lr\n");
    expect((await bob.ok('LIST "" "Other*"')).join()).not.toContain("Box");
    await ann.ok("SELECT Box");
    expect((await bob.ok('LIST "" "Other*"')).join()).toContain("Other Users/ann/Box");
  });

  it("of the configuration is found by those who have rights, and gets new mailboxes with them", async () => {
    const sales = await imap.server.mailboxesOf("sales");
    await sales.list();
    await sales.notes?.change("INBOX", "acl", () => "group=staff lrswik\n");
    const [ann, bob] = [await login("ann"), await login("bob")];
    expect((await ann.ok('LIST "" "Shared*"')).join("\n")).toContain('"Shared/sales/INBOX"'.replaceAll('"', ""));
    await ann.ok("CREATE Shared/sales/Offers");
    await append(ann, "Shared/sales/Offers", "one", "\\Seen");
    await bob.ok("SELECT Shared/sales/Offers");
    expect([...(await flagsIn(bob)).values()]).toEqual([""]);
    await ann.ok("SELECT Shared/sales/Offers");
    expect([...(await flagsIn(ann)).values()]).toEqual(["\\Seen"]);
    expect((await bob.command("DELETE Shared/sales/Offers")).at(-1)).toMatch(/^NO \[NOPERM\]/);
    expect((await bob.command("RENAME Shared/sales/Offers Mine")).at(-1)).toMatch(/^NO \[NOPERM\]/);
    expect(readFileSync(join(imap.server.root, "sales/Maildir/.Offers/dovecot-acl"), "utf8")).toBe(
      "group=staff lrswik\n",
    );
  });

  it("is in a directory that is nobody's, if the configuration says so", async () => {
    mkdirSync(join(imap.server.root, "forms", "Maildir"), { recursive: true });
    writeFileSync(join(imap.server.root, "forms", "Maildir", "dovecot-acl"), "group=staff lrswik\nuser=cid l\n");
    const [ann, bob] = [await login("ann"), await login("bob")];
    expect((await ann.ok('LIST "" "Shared*"')).join("\n")).toContain("Shared/forms/INBOX");
    await ann.ok("CREATE Shared/forms/Travel");
    for (const name of ["Shared/forms/INBOX", "Shared/forms/Travel"]) {
      await append(ann, name, "a form", "\\Seen");
      await bob.ok(`SELECT ${name}`);
      expect([...(await flagsIn(bob)).values()]).toEqual([""]);
      await ann.ok(`SELECT ${name}`);
      expect([...(await flagsIn(ann)).values()]).toEqual(["\\Seen"]);
    }
    expect((await bob.command("DELETE Shared/forms/Travel")).at(-1)).toMatch(/^NO \[NOPERM\]/);
    expect((await ann.ok("GETQUOTAROOT Shared/forms/INBOX")).join()).toMatch(/^\* QUOTAROOT Shared\/forms\/INBOX(,|$)/);
  });

  it("has private annotations of each reader, and shared ones of all", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await append(ann, "INBOX", "one");
    await ann.ok("SETACL INBOX bob lr");
    await ann.ok('SETMETADATA INBOX (/private/comment "hers" /shared/comment "all")');
    await bob.ok(`SETMETADATA ${shared} (/private/comment "his")`);
    expect((await bob.command(`SETMETADATA ${shared} (/shared/comment "his")`)).at(-1)).toMatch(/^NO \[NOPERM\]/);
    const ofBob = (await bob.ok(`GETMETADATA ${shared} (/private/comment /shared/comment)`)).join("\n");
    expect(ofBob).toMatch(/his/);
    expect(ofBob).toMatch(/all/);
    expect(ofBob).not.toMatch(/hers/);
    expect((await ann.ok("GETMETADATA INBOX /private/comment")).join("\n")).toMatch(/hers/);
  });

  it("keeps what was seen over renaming, and loses it with the mailbox", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await ann.ok("CREATE Box");
    await append(ann, "Box", "one");
    await ann.ok("SETACL Box bob lrs");
    await bob.ok('SELECT "Other Users/ann/Box"');
    await bob.ok("STORE 1 +FLAGS (\\Seen)");
    await bob.ok("UNSELECT");
    await ann.ok("RENAME Box Crate");
    await bob.ok('SELECT "Other Users/ann/Crate"');
    expect([...(await flagsIn(bob)).values()]).toEqual(["\\Seen"]);
    await bob.ok("UNSELECT");
    await ann.ok("DELETE Crate");
    await ann.ok("CREATE Crate");
    await append(ann, "Crate", "two");
    await ann.ok("SETACL Crate bob lrs");
    await bob.ok('SELECT "Other Users/ann/Crate"');
    expect([...(await flagsIn(bob)).values()]).toEqual([""]);
    expect(readdirSync(maildir("ann", ".Crate")).filter((name) => name.startsWith("postern-seen"))).toEqual([]);
  });

  it("leads nowhere else, whatever the name", async () => {
    const bob = await login("bob");
    mkdirSync(join(imap.server.root, "x"), { recursive: true });
    for (const name of [
      "Other Users/../ann/INBOX",
      "Other Users//INBOX",
      "Other Users/ann",
      "Other Users/",
      "Shared/../INBOX",
      "Shared/sales/../../ann",
      "Shared/none/INBOX",
      "Other Users/ann/../bob",
    ]) {
      expect((await bob.command(`SELECT "${name}"`)).at(-1)).toMatch(/^NO \[(NONEXISTENT|CANNOT)\]/);
      expect((await bob.command(`CREATE "${name}/New"`)).at(-1)).toMatch(/^NO \[/);
    }
  });

  it("moves between owners without losing a message or its flags", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    for (let index = 0; index < 20; index++)
      await append(bob, "INBOX", `m${index}`, index % 2 ? "\\Seen $Work" : "\\Flagged");
    await ann.ok("SETACL INBOX bob lrsi");
    await ann.ok("STATUS INBOX (MESSAGES)");
    await bob.ok("SELECT INBOX");
    const moved = await bob.ok(`UID MOVE 1:* ${shared}`);
    expect(moved.join("\n")).toMatch(/COPYUID \d+ 1:20 1:20/);
    expect((await flagsIn(bob)).size).toBe(0);
    await bob.ok(`SELECT ${shared}`);
    const seen = [...(await flagsIn(bob)).values()];
    // Without w: \Flagged and $Work do not go along, what bob has read does.
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => (index % 2 ? "\\Seen" : "")));
    await ann.ok("SELECT INBOX");
    expect(new Set((await flagsIn(ann)).values())).toEqual(new Set([""]));
  });

  it("tells each of several sessions by CHANGEDSINCE and NOOP what it does not know", {
    timeout: 240_000,
  }, async () => {
    const ann = await login("ann");
    for (let index = 0; index < 6; index++) await append(ann, "INBOX", `m${index}`);
    await ann.ok("SETACL INBOX bob lrswte");
    const readers = [await login("bob"), await login("bob")];
    const all = [ann, ...readers];
    for (const client of all) await client.ok("ENABLE CONDSTORE");
    await ann.ok("SELECT INBOX");
    for (const reader of readers) await reader.ok(`SELECT ${shared}`);
    const step = fc.record({
      who: fc.integer({ min: 0, max: 2 }),
      uid: fc.integer({ min: 1, max: 6 }),
      flag: fc.constantFrom("\\Seen", "\\Flagged", "$Work"),
      sign: fc.constantFrom("+", "-"),
    });
    /** What each would know that only ever asks for what changed since its modseq. */
    const kept = all.map(() => ({ modseq: 0, flags: new Map<number, string>() }));
    const update = async (at: number) => {
      const client = all[at] as RawClient;
      const mine = kept[at] as (typeof kept)[number];
      const lines = await client.ok(`UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${mine.modseq || 1})`);
      for (const line of lines) {
        const uid = Number(/UID (\d+)/.exec(line)?.[1]);
        const flags = /FLAGS \(([^)]*)\)/.exec(line)?.[1];
        const modseq = Number(/MODSEQ \((\d+)\)/.exec(line)?.[1]);
        if (!uid || flags === undefined) continue;
        mine.flags.set(
          uid,
          flags
            .split(" ")
            .filter((flag) => flag !== "\\Recent")
            .sort()
            .join(" "),
        );
        mine.modseq = Math.max(mine.modseq, modseq || 0);
      }
      expect(mine.flags).toEqual(await flagsIn(client));
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        for (const { who, uid, flag, sign } of steps) {
          const client = all[who] as RawClient;
          await client.ok(`UID STORE ${uid} ${sign}FLAGS (${flag})`);
        }
        for (const client of all) await client.ok("NOOP");
        for (let at = 0; at < all.length; at++) await update(at);
        expect(await flagsIn(readers[0] as RawClient)).toEqual(await flagsIn(readers[1] as RawClient));
      }),
      { numRuns: 15 },
    );
  });
});
