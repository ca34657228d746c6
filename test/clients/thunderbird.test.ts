/** Thunderbird: it finds the mailboxes, reads, searches, flags, files and removes, hears of what is new, and comes back to what it knows. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import type { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alice, RunningServer } from "../server/running-server.ts";
import { imapClient } from "./mailboxes.ts";
import { describeWith } from "./programs.ts";
import { Thunderbird } from "./thunderbird.ts";

const message = (subject: string) =>
  [
    "From: Ada <ada@example.net>",
    `To: ${alice.address}`,
    `Subject: ${subject}`,
    `Message-ID: <${encodeURIComponent(subject)}@example.net>`,
    "Date: Mon, 1 Jun 2026 10:00:00 +0000",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    `The ${subject} one. Straße.`,
    "",
  ].join("\r\n");

describeWith(["thunderbird"], "Thunderbird", () => {
  let server: RunningServer;
  let client: ImapFlow;
  let prelude: string;
  let thunderbird: Thunderbird | null = null;
  const run = (body: string, ...args: readonly unknown[]) => {
    if (!thunderbird) throw new Error("Thunderbird is not running");
    return thunderbird.script(`${prelude}\n${body}`, ...args);
  };
  const home = () => join(server.directory, "thunderbird");
  const stop = async () => {
    await thunderbird?.stop();
    thunderbird = null;
  };
  const certificate = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: server.ports.imaps, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().raw.toString("base64"));
        socket.destroy();
      });
      socket.on("error", reject);
    });
  /** Subjects with flags, by name. */
  const contents = async (mailbox: string): Promise<Record<string, string[]>> => {
    const found: Record<string, string[]> = {};
    await client.mailboxOpen(mailbox);
    for await (const { envelope, flags } of client.fetch("1:*", { envelope: true, flags: true }))
      found[envelope?.subject ?? ""] = [...(flags ?? [])].filter((flag) => flag !== "\\Recent").sort();
    return found;
  };

  beforeAll(async () => {
    prelude = await readFile(new URL("thunderbird-prelude.js", import.meta.url), "utf8");
    server = await RunningServer.start();
    client = imapClient(server.ports.imaps, alice);
    await client.connect();
    await client.mailboxCreate("Archive/Entwürfe");
    await client.mailboxSubscribe("Archive");
    await client.mailboxSubscribe("Archive/Entwürfe");
    await client.append("Archive/Entwürfe", message("archived"), ["\\Seen"]);
    for (const subject of ["first", "second", "third", "größer"]) await client.append("INBOX", message(subject));
    thunderbird = await Thunderbird.start(home());
    const { address, password } = alice;
    await run("await makeAccount(...args);", server.ports.imaps, address, password, await certificate());
  });
  afterAll(async () => {
    await stop();
    await client.logout();
    await server.stop();
  });

  it("finds the mailboxes, reads them, and has the server search", async () => {
    const names = await run(`
      server.performExpand(null);
      await until("the mailboxes", () => has(root, "Archive") && has(folderAt("Archive"), "Entwürfe"));
      return root.descendants.map((folder) => folder.QueryInterface(Ci.nsIMsgImapMailFolder).onlineName);`);
    expect(names).toEqual(expect.arrayContaining(["INBOX", "Archive", "Archive/Entwürfe"]));
    expect(
      await run(`
        const [inbox, drafts] = [folderAt("INBOX"), folderAt("Archive/Entwürfe")];
        await update(inbox);
        await update(drafts);
        return [subjects(inbox), subjects(drafts), inFolder(inbox, "first").isRead, inFolder(drafts, "archived").isRead];`),
    ).toEqual([["first", "größer", "second", "third"], ["archived"], false, true]);
    expect(await run(`return read(folderAt("INBOX"), "größer");`)).toContain(message("größer"));
    expect(
      await run(`
        const { Body, Subject } = Ci.nsMsgSearchAttrib;
        return [await search(folderAt("INBOX"), Body, "third one"), await search(folderAt("INBOX"), Subject, "GRÖSS")];`),
    ).toEqual([["third"], ["größer"]]);
  });

  it("flags, makes a mailbox, moves into it, removes, expunges, and puts a draft there", async () => {
    await run(
      `
      const inbox = folderAt("INBOX");
      inbox.markMessagesRead([inFolder(inbox, "first")], true);
      inbox.markMessagesFlagged([inFolder(inbox, "first")], true);
      inbox.addKeywordsToMessages([inFolder(inbox, "first")], "$label1");
      root.createSubfolder("Größe", null);
      await until("the mailbox it made", () => has(root, "Größe"));
      const made = folderAt("Größe");
      await copied((listener) =>
        MailServices.copy.copyMessages(inbox, [inFolder(inbox, "second")], made, true, listener, null, false));
      inbox.deleteMessages([inFolder(inbox, "third")], null, false, false, null, false);
      await until("what it removes is gone", () => !inFolder(inbox, "third"));
      inbox.compact(null, null);
      const path = PathUtils.join(PathUtils.profileDir, "draft.eml");
      await IOUtils.writeUTF8(path, args[0]);
      const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
      file.initWithPath(path);
      await copied((listener) => MailServices.copy.copyFileMessage(file, made, null, true, 0, "", listener, null));`,
      message("a draft"),
    );
    await expect.poll(() => contents("INBOX")).toEqual({ first: ["$label1", "\\Flagged", "\\Seen"], größer: [] });
    await expect.poll(() => contents("Trash")).toMatchObject({ third: expect.anything() });
    expect(await contents("Größe")).toMatchObject({ second: [], "a draft": expect.arrayContaining(["\\Draft"]) });
    expect((await client.list()).find(({ path }) => path === "Größe")).toMatchObject({ subscribed: true });
    await run(`
      folderAt("Größe").rename("Länge", null);
      await until("the new name", () => has(root, "Länge"));`);
    expect((await client.list()).map(({ path }) => path)).toEqual(expect.arrayContaining(["INBOX", "Länge"]));
    await run(`
      folderAt("Länge").deleteSelf(null);
      await until("the mailbox is gone", () => !has(root, "Länge"));`);
    expect((await client.list()).map(({ path }) => path)).not.toContain("Länge");
  });

  it("hears at once of new mail and of flags that others set", async () => {
    await run(`await update(folderAt("INBOX"));`);
    await client.append("INBOX", message("pushed"));
    await run(`await until("the new message", () => inFolder(folderAt("INBOX"), "pushed"));`);
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd({ header: { subject: "pushed" } }, ["\\Seen", "\\Answered"]);
    const isReplied = await run(`
      await until("the flags", () => inFolder(folderAt("INBOX"), "pushed").isRead);
      return (inFolder(folderAt("INBOX"), "pushed").flags & Ci.nsMsgMessageFlags.Replied) !== 0;`);
    expect(isReplied).toBe(true);
    await client.messageDelete({ header: { subject: "pushed" } });
    await run(`await until("what others removed is gone", () => !inFolder(folderAt("INBOX"), "pushed"));`);
  });

  it("comes back to what it knows, and learns what happened while it was away", async () => {
    await stop();
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd({ header: { subject: "größer" } }, ["\\Flagged"]);
    await client.messageDelete({ header: { subject: "first" } });
    await client.append("INBOX", message("later"));
    thunderbird = await Thunderbird.start(home(), { "mail.server.default.use_condstore": true });
    expect(await run(`return inFolder(folderAt("INBOX"), "größer").messageKey;`)).toBe(4);
    expect(
      await run(`
        const inbox = folderAt("INBOX");
        await update(inbox);
        await until("what is new", () => inFolder(inbox, "later") && inFolder(inbox, "größer").isFlagged);
        return subjects(inbox);`),
    ).toEqual(["größer", "later"]);
  });
});
