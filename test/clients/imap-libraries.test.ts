/** Libraries that programs read mail with: imapflow, Python's imaplib, and what Roundcube is built on, with the scripts beside this file. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ImapFlow } from "imapflow";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { alice, bob, RunningServer } from "../server/running-server.ts";
import { imapClient } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server.stop());

describeWith(["python3"], "Python's imaplib", () => {
  it("makes mailboxes, appends, searches, fetches, flags, moves and expunges, in two sessions", async () => {
    const script = fileURLToPath(new URL("imaplib-session.py", import.meta.url));
    const { exitCode, output } = await run("python3", [
      script,
      String(server.ports.imaps),
      alice.address,
      alice.password,
    ]);
    expect(exitCode, output).toBe(0);
  });
});

const roundcube = "/usr/share/roundcube";

describeWith(["php", `${roundcube}/bin/cleandb.sh`], "Roundcube", () => {
  it("lists, sorts, threads, searches, reads, flags, moves and annotates", async () => {
    const script = fileURLToPath(new URL("roundcube-session.php", import.meta.url));
    const { exitCode, output } = await run("php", [
      script,
      String(server.ports.imaps),
      alice.address,
      alice.password,
      roundcube,
    ]);
    expect(exitCode, output).toBe(0);
  });
});

describe("imapflow", () => {
  const clients: ImapFlow[] = [];
  const login = async () => {
    const client = imapClient(server.ports.imaps, bob);
    clients.push(client);
    await client.connect();
    return client;
  };
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  const message = (subject: string) => `From: a@example.net\r\nSubject: ${subject}\r\n\r\nHello.\r\n`;

  it("lists with STATUS and special uses, and finds what it made", async () => {
    const client = await login();
    await client.mailboxCreate("Liste/Größe");
    await client.mailboxSubscribe("Liste/Größe");
    await client.append("Liste/Größe", message("one"), ["\\Seen", "Label"]);
    const listed = await client.list({ statusQuery: { messages: true, unseen: true, uidNext: true } });
    expect(listed.map(({ path }) => path)).toEqual(expect.arrayContaining(["INBOX", "Liste", "Liste/Größe"]));
    expect(listed.find(({ path }) => path === "Liste/Größe")).toMatchObject({
      subscribed: true,
      status: { messages: 1, unseen: 0, uidNext: 2 },
    });
    expect(await client.status("Liste/Größe", { messages: true, highestModseq: true })).toMatchObject({ messages: 1 });
    await client.mailboxRename("Liste/Größe", "Liste/Länge");
    expect((await client.list()).map(({ path }) => path)).not.toContain("Liste/Größe");
    await client.mailboxDelete("Liste/Länge");
  });

  it("fetches, flags, searches, copies and moves", async () => {
    const client = await login();
    await client.mailboxCreate("Work");
    await client.mailboxCreate("Done");
    for (const subject of ["a", "b", "c", "d"]) await client.append("Work", message(subject));
    const lock = await client.getMailboxLock("Work");
    expect(await client.messageFlagsAdd("1:2", ["\\Flagged", "$Important"])).toBe(true);
    expect(await client.search({ flagged: true }, { uid: true })).toEqual([1, 2]);
    expect(await client.search({ subject: "c" }, { uid: true })).toEqual([3]);
    expect(await client.messageCopy("1", "Done")).toMatchObject({ uidMap: new Map([[1, 1]]) });
    const pairs = [
      [2, 2],
      [3, 3],
    ] as const;
    expect(await client.messageMove("2:3", "Done")).toMatchObject({ uidMap: new Map(pairs) });
    const left = [];
    for await (const { uid, envelope, flags, source, bodyStructure } of client.fetch("1:*", {
      uid: true,
      envelope: true,
      flags: true,
      source: true,
      bodyStructure: true,
    }))
      left.push([uid, envelope?.subject, flags?.has("\\Flagged"), source?.toString(), bodyStructure?.type]);
    expect(left).toEqual([
      [1, "a", true, message("a"), "text/plain"],
      [4, "d", false, message("d"), "text/plain"],
    ]);
    await client.messageDelete("1:*");
    lock.release();
    expect(await client.status("Work", { messages: true })).toMatchObject({ messages: 0 });
    expect(await client.status("Done", { messages: true })).toMatchObject({ messages: 3 });
  });

  it("hears of another session while it idles, and catches up by modseq", async () => {
    const [one, two] = [await login(), await login()];
    await one.mailboxCreate("Shared view");
    for (const subject of ["a", "b", "c"]) await one.append("Shared view", message(subject));
    await one.mailboxOpen("Shared view");
    await two.mailboxOpen("Shared view");
    const knownModseq = one.mailbox ? (one.mailbox.highestModseq ?? 0n) : 0n;
    const heard = async (event: string, act: () => Promise<unknown>) => {
      const coming = once(one, event);
      void one.idle();
      await act();
      const [what] = await coming;
      return what;
    };
    const flagged = await heard("flags", () => two.messageFlagsAdd("1", ["\\Seen"]));
    expect(flagged.seq).toBe(1);
    expect([...flagged.flags]).toContain("\\Seen");
    expect(await heard("exists", () => two.append("Shared view", message("d")))).toMatchObject({ count: 4 });
    expect(await heard("expunge", () => two.messageDelete("2"))).toMatchObject({ path: "Shared view", seq: 2 });
    const changed = [];
    for await (const { uid } of two.fetch("1:*", { uid: true, flags: true }, { changedSince: knownModseq }))
      changed.push(uid);
    expect(changed).toEqual([1, 4]);
  });
});
