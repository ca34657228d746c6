/**
 * Shared mailboxes of a whole server with two workers: readers in different processes, each with a `\Seen` of his own, on an account's
 * mailbox and on a directory that is nobody's.
 */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImapFlow } from "imapflow";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { imapClient } from "../clients/mailboxes.ts";
import { run } from "../clients/programs.ts";
import { alice, bob, command, RunningServer } from "../server/running-server.ts";

const cid = { address: "cid@example.org", password: "staple correct" };
const text = (subject: string) => `Subject: ${subject}\r\n\r\nText\r\n`;

describe("readers in two workers", () => {
  let server: RunningServer;
  const clients: ImapFlow[] = [];
  beforeAll(async () => {
    server = await RunningServer.start({
      config: [
        "workers: 2",
        "sharing:",
        "  mailboxes:",
        "    forms: { home: forms }",
        `  groups: { staff: [${alice.address}, ${bob.address}, ${cid.address}] }`,
      ],
      accounts: Object.fromEntries([alice, bob, cid].map(({ address, password }) => [address, password])),
    });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => server.stop());

  /** A session in one of the workers: the other stands still while a connection is taken. */
  const loginAt = async (worker: 1 | 2, who: typeof alice): Promise<ImapFlow> => {
    const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, "utf8");
    const pids = children.trim().split(" ").map(Number);
    expect(pids).toHaveLength(2);
    const other = pids[2 - worker] ?? 0;
    const client = imapClient(server.ports.imaps, who);
    clients.push(client);
    process.kill(other, "SIGSTOP");
    try {
      await client.connect();
    } finally {
      process.kill(other, "SIGCONT");
    }
    return client;
  };
  const unseen = async (client: ImapFlow) => [...((await client.search({ seen: false }, { uid: true })) || [])];

  it("each have their own \\Seen, are told of the other's flags, and see one sequence", async () => {
    const owner = await loginAt(1, alice);
    for (const subject of ["one", "two", "three"]) await owner.append("INBOX", text(subject));
    const give = ["mailbox", "acl", "set", alice.address, "INBOX", "group=staff", "lrswite"];
    const given = await run(process.execPath, [...command, ...give, "--config", server.configFile]);
    expect(given.exitCode, given.output).toBe(0);
    const name = `Other Users/${alice.address}/INBOX`;
    const [first, second, again] = [await loginAt(1, bob), await loginAt(2, cid), await loginAt(2, bob)];
    for (const client of [first, second, again]) await client.mailboxOpen(name);
    await owner.mailboxOpen("INBOX");
    const logins = server.lines.filter(({ msg }) => msg === "logged in");
    expect(new Set(logins.map(({ worker }) => worker)).size).toBe(2);

    await first.messageFlagsAdd("1:2", ["\\Seen"], { uid: true });
    await second.messageFlagsAdd("3", ["\\Seen"], { uid: true });
    await owner.messageFlagsAdd("1", ["\\Seen"], { uid: true });
    for (const client of [first, second, again, owner]) await client.noop();
    expect(await unseen(first)).toEqual([3]);
    // The same reader in the other process.
    expect(await unseen(again)).toEqual([3]);
    expect(await unseen(second)).toEqual([1, 2]);
    expect(await unseen(owner)).toEqual([2, 3]);

    // Other flags are everybody's, and come by themselves.
    const heard = new Promise<unknown>((resolve) => first.once("flags", ({ uid }) => resolve(uid)));
    void first.idle();
    await second.messageFlagsAdd("2", ["\\Flagged"], { uid: true });
    expect(await heard).toBe(2);
    const gone = new Promise<unknown>((resolve) => second.once("expunge", ({ seq }) => resolve(seq)));
    void second.idle();
    await first.messageDelete("1", { uid: true });
    expect(await gone).toBe(1);
    for (const client of [first, second, again, owner]) await client.noop();
    expect(await unseen(again)).toEqual([3]);
    expect(await unseen(second)).toEqual([2]);
    expect(await second.status(name, { messages: true, unseen: true })).toMatchObject({ messages: 2, unseen: 1 });
  });

  it("mark at the same time, and none of it is lost", async () => {
    const owner = await loginAt(1, alice);
    await owner.mailboxCreate("Many");
    const count = 24;
    for (let index = 0; index < count; index++) await owner.append("Many", text(`m${index}`));
    const give = ["mailbox", "acl", "set", alice.address, "Many", bob.address, "lrs"];
    const given = await run(process.execPath, [...command, ...give, "--config", server.configFile]);
    expect(given.exitCode, given.output).toBe(0);
    const name = `Other Users/${alice.address}/Many`;
    const sessions = [await loginAt(1, bob), await loginAt(2, bob)];
    for (const client of sessions) await client.mailboxOpen(name);
    const uids = Array.from({ length: count }, (_, index) => index + 1);
    await Promise.all(
      sessions.map(async (client, at) => {
        for (const uid of uids.filter((one) => one % 2 === at))
          await client.messageFlagsAdd(String(uid), ["\\Seen"], { uid: true });
      }),
    );
    for (const client of sessions) {
      await client.noop();
      expect(await unseen(client)).toEqual([]);
    }
    await owner.mailboxOpen("Many");
    expect(await unseen(owner)).toEqual(uids);
  });

  it("use a directory that is nobody's by the rights that stand there", async () => {
    await mkdir(join(server.directory, "forms"), { recursive: true });
    const give = ["mailbox", "acl", "set", "Shared/forms", "INBOX", "group=staff", "lrswik"];
    const given = await run(process.execPath, [...command, ...give, "--config", server.configFile]);
    expect(given.exitCode, given.output).toBe(0);
    const [first, second] = [await loginAt(1, bob), await loginAt(2, cid)];
    expect((await first.list()).map(({ path }) => path)).toContain("Shared/forms/INBOX");
    await first.mailboxCreate("Shared/forms/Travel");
    for (const name of ["Shared/forms/INBOX", "Shared/forms/Travel"]) {
      await first.append(name, text("a form"), ["\\Seen"]);
      await second.mailboxOpen(name);
      expect(await unseen(second)).toEqual([1]);
      expect(await second.fetchOne("1", { envelope: true })).toMatchObject({ envelope: { subject: "a form" } });
      await first.mailboxOpen(name);
      expect(await unseen(first)).toEqual([]);
    }
    // Nobody's, so nobody but those who were given it.
    await expect(second.mailboxDelete("Shared/forms/Travel")).rejects.toThrow();
    expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
