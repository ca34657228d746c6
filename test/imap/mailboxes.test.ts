/** Bounds of mailboxes, and sessions that change them at once. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DeletedCounts } from "../../plugins/access-imap/list/deleted-counts.ts";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

describe("mailboxes over IMAP", () => {
  let server: ImapServer;
  const clients: RawClient[] = [];
  const login = async (user = "ann") => {
    const client = await RawClient.login(server.port, user);
    clients.push(client);
    return client;
  };
  beforeAll(async () => {
    server = await ImapServer.start({ serverComment: "Grüße", serverAdmin: "https://help.example.org/" });
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await server.stop();
  });

  it("lists 200 mailboxes with STATUS, a line each, while another session goes on", async () => {
    const [one, two] = [await login("bob"), await login("bob")];
    const mailboxes = await server.mailboxesOf("bob");
    for (let number = 0; number < 200; number++) {
      await mailboxes.create(`n${number}`);
      await mailboxes.status(`n${number}`);
    }
    const listing = one.ok('LIST "" n* RETURN (STATUS (MESSAGES UIDNEXT HIGHESTMODSEQ))');
    await two.ok("NOOP");
    const lines = await listing;
    expect(lines.filter((line) => line.startsWith("* LIST "))).toHaveLength(200);
    expect(
      lines.filter((line) => /^\* STATUS n\d+ \(MESSAGES 0 UIDNEXT 1 HIGHESTMODSEQ \d+\)$/.test(line)),
    ).toHaveLength(200);
    // Each LIST before its STATUS.
    expect(lines[0]?.replace(/^.* /, "")).toBe(lines[1]?.split(" ")[2]);
  });

  it("look for what is deleted only where something has changed", async () => {
    const mailboxes = await server.mailboxesOf("ann");
    await mailboxes.create("Old");
    const message = { content: [Buffer.from("Subject: a\r\n\r\n")] };
    await mailboxes.append("Old", [{ ...message, flags: ["\\Deleted"] }, message]);
    let opened = 0;
    const counting = {
      open(name: string, how?: { readonly isReadOnly?: boolean }) {
        opened++;
        return mailboxes.open(name, how);
      },
    };
    const counts = new DeletedCounts();
    const deleted = async (login: string) =>
      (await counts.of({ login, mailboxes: counting }, "Old", await mailboxes.status("Old"))).messages;
    expect([await deleted("ann"), await deleted("ann"), opened]).toEqual([1, 1, 1]);
    // Others have modification sequences of their own.
    expect([await deleted("bob"), opened]).toEqual([1, 2]);
    const mailbox = await mailboxes.open("Old");
    await mailbox.store([2], { mode: "add", flags: ["\\Deleted"] });
    expect([await deleted("ann"), await deleted("ann"), opened]).toEqual([2, 2, 3]);
    await mailbox.expunge(null);
    await mailbox.close();
    expect([await deleted("ann"), opened]).toEqual([0, 3]);
  });

  it("keeps annotations within their bounds, and none of a command that goes beyond", async () => {
    const client = await login();
    await client.ok("CREATE Notes");
    const limits = (await server.mailboxesOf("ann")).annotationLimits;
    const large = await client.command("SETMETADATA Notes (/private/x", randomBytes(limits.valueBytes + 1));
    expect(large).toEqual([expect.stringMatching(/^BAD /)]);
    client.write(`big SETMETADATA Notes (/private/x ~{${limits.valueBytes + 1}+}\r\n`);
    client.write(randomBytes(limits.valueBytes + 1));
    client.write(' /private/y "small")\r\n');
    expect(await client.until("big")).toEqual([`NO [METADATA MAXSIZE ${limits.valueBytes}] Value is too large`]);
    const names = Array.from({ length: limits.entries }, (_, number) => `/private/e${number} "${number}"`);
    expect(await client.ok(`SETMETADATA Notes (${names.join(" ")})`)).toEqual([]);
    expect(await client.command('SETMETADATA Notes (/private/e0 "other" /private/more "x")')).toEqual([
      "NO [METADATA TOOMANY] Too many annotations",
    ]);
    expect(await client.ok("GETMETADATA Notes (/private/e0 /private/more /private/x)")).toEqual([
      '* METADATA Notes (/private/e0 "0" /private/more NIL /private/x NIL)',
    ]);
    // Room is made and used in one command.
    await client.ok('SETMETADATA Notes (/private/e1 NIL /private/more "x")');
  });

  it("tells what the configuration says of the server", async () => {
    const client = await login();
    expect(await client.ok('GETMETADATA "" (/shared/admin /shared/comment)')).toEqual([
      `* METADATA "" (/shared/admin "https://help.example.org/" /shared/comment {7}\r\n${Buffer.from("Grüße").toString("latin1")})`,
    ]);
  });

  it("normalises names, and says so to those who know", async () => {
    const [old, rev2] = [await login(), await login()];
    const [nfd, nfc] = ["Cafe\u0301", "Caf\u00e9"].map((text) => Buffer.from(text).toString("latin1"));
    await rev2.ok("ENABLE IMAP4rev2");
    // RawClient writes text as UTF-8.
    const created = await rev2.ok('CREATE "Cafe\u0301"');
    expect(created).toEqual([`* LIST () "/" "${nfc}" ("OLDNAME" ("${nfd}"))`]);
    expect((await rev2.ok('LIST "" Caf%'))[0]).toBe(`* LIST (\\HasNoChildren) "/" "${nfc}"`);
    expect(await old.ok('LIST "" Caf%')).toEqual(['* LIST (\\HasNoChildren) "/" Caf&AOk-']);
    expect(await rev2.ok('RENAME "Cafe\u0301" Bar')).toEqual([`* LIST () "/" Bar ("OLDNAME" ("${nfd}"))`]);
    expect(await rev2.command('DELETE "Cafe\u0301"')).toEqual(["NO [NONEXISTENT] No such mailbox"]);
  });

  it("lets two sessions make, rename and delete at once, and each name is given once", async () => {
    const [one, two] = [await login(), await login()];
    for (let round = 0; round < 10; round++) {
      const made = await Promise.all([one.command("CREATE Race"), two.command("CREATE Race")]);
      expect(made.flat().filter((line) => line.startsWith("OK"))).toHaveLength(1);
      const renamed = await Promise.all([one.command("RENAME Race Won"), two.command("RENAME Race Won")]);
      expect(renamed.flat().filter((line) => line.startsWith("OK"))).toHaveLength(1);
      const deleted = await Promise.all([one.command("DELETE Won"), two.command("DELETE Won")]);
      expect(deleted.flat().filter((line) => line.startsWith("OK"))).toHaveLength(1);
      expect(await one.ok('LIST "" (Race Won)')).toEqual([]);
    }
  });
});
