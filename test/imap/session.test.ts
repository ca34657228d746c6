import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { ImapFlow } from "imapflow";
import { describe, expect, it } from "vitest";
import { RawClient } from "./raw-client.ts";
import { serverForEach } from "./server-for-each.ts";

const message = (subject: string, body = "hello\r\n"): Buffer =>
  Buffer.from(`From: a@example.org\r\nSubject: ${subject}\r\n\r\n${body}`);

describe("an IMAP session", () => {
  const imap = serverForEach();
  const { start, login } = imap;

  it("answers pipelined commands in order", async () => {
    const client = await login();
    client.write("a NOOP\r\nb CAPABILITY\r\nc SELECT INBOX\r\nd FETCH 1:* FLAGS\r\ne NONSENSE\r\nf LOGOUT\r\n");
    const tags: string[] = [];
    for (let line = await client.response(); line !== null; line = await client.response())
      if (!line.startsWith("*")) tags.push(line.slice(0, 5));
    expect(tags).toEqual(["a OK ", "b OK ", "c OK ", "d OK ", "e BAD", "f OK "]);
  });

  it("takes commands in pieces of any size", async () => {
    const client = await login();
    for (const octet of "a SELECT {5}\r\n") client.write(octet);
    expect(await client.response()).toBe("+ OK");
    for (const octet of "INBOX\r\n") client.write(octet);
    expect((await client.until("a")).at(-1)).toMatch(/^OK \[READ-WRITE\]/);
  });

  it("streams a large message in and out, whole and in parts", async () => {
    const client = await login();
    const body = randomBytes(6_000_000).toString("base64").replace(/.{76}/g, "$&\r\n");
    const large = message("large", body);
    await client.ok("APPEND INBOX", large);
    await client.ok("SELECT INBOX");
    const [whole] = await client.ok("FETCH 1 (BODY.PEEK[])");
    expect(whole === `* 1 FETCH (BODY[] {${large.length}}\r\n${large.toString("latin1")})`).toBe(true);
    const [part] = await client.ok("FETCH 1 (BODY.PEEK[TEXT]<4000000.1000>)");
    expect(part).toBe(`* 1 FETCH (BODY[TEXT]<4000000> {1000}\r\n${body.slice(4_000_000, 4_001_000)})`);
    const needle = body.replaceAll("\r\n", "").slice(-50, -2);
    expect(await client.ok(`SEARCH SUBJECT large TEXT "${body.split("\r\n").at(-2)}"`)).toEqual(["* SEARCH 1"]);
    expect(needle.length).toBe(48);
  });

  it("keeps other sessions going while one searches", async () => {
    const [busy, other] = [await login(), await login()];
    for (let i = 0; i < 200; i++) await busy.ok("APPEND INBOX", message(`m${i}`, "x ".repeat(20_000)));
    await busy.ok("SELECT INBOX");
    const search = busy.command("SEARCH BODY nothing-of-the-kind");
    let slowest = 0;
    let isDone = false;
    const done = search.finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const from = performance.now();
      await other.ok("NOOP");
      slowest = Math.max(slowest, performance.now() - from);
    }
    expect((await done).at(-2)).toBe("* SEARCH");
    expect(slowest).toBeLessThan(250);
  });

  it("does not gather what a client does not read", async () => {
    const client = await login();
    await client.ok("APPEND INBOX", message("big", "x".repeat(1_000_000)));
    await client.ok("SELECT INBOX");
    client.socket.pause();
    client.write(Array.from({ length: 300 }, (_, i) => `x${i} FETCH 1 BODY.PEEK[]\r\n`).join(""));
    const before = process.memoryUsage().rss;
    const other = await login();
    for (let i = 0; i < 300; i++) await other.ok("NOOP");
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
    client.destroy();
  });

  it("pushes new mail to a client that idles, in a moment", async () => {
    const [idler, other] = [await login(), await login()];
    await idler.ok("SELECT INBOX");
    idler.write("i IDLE\r\n");
    expect(await idler.response()).toBe("+ idling");
    const latencies: number[] = [];
    for (let i = 1; i <= 20; i++) {
      const from = performance.now();
      const [exists] = await Promise.all([idler.response(), other.ok("APPEND INBOX", message(`m${i}`))]);
      latencies.push(performance.now() - from);
      expect(exists).toBe(`* ${i} EXISTS`);
      expect(await idler.response()).toMatch(/^\* \d+ RECENT$/);
    }
    latencies.sort((a, b) => a - b);
    expect(latencies[10]).toBeLessThan(100);
    idler.write("DONE\r\n");
    expect((await idler.until("i")).at(-1)).toBe("OK Idle completed");
  });

  it("says BYE to those who wait when the server ends, and lets a command finish", async () => {
    const [waiting, idling, anonymous] = [await login(), await login(), await imap.open()];
    idling.write("i IDLE\r\n");
    await idling.response();
    const closing = imap.server.closeListeners(5000);
    for (const client of [waiting, idling, anonymous]) {
      expect(await client.response()).toBe("* BYE Server is shutting down");
      await client.closed();
    }
    await closing;
    expect(imap.server.connections).toBe(0);
  });

  it("sends away who does not log in", async () => {
    await start({ loginTimeout: 50 });
    const client = await imap.open();
    expect(await client.response()).toBe("* BYE Too slow to log in");
    await client.closed();
  });

  it("sends away who is silent too long", async () => {
    await start({ idleTimeout: 100 });
    const client = await login();
    client.write("i IDLE\r\n");
    await client.response();
    expect(await client.response()).toBe("* BYE Autologout; idle for too long");
    await client.closed();
  });

  it("skips a message that is too large without asking, and goes on", async () => {
    await start({ maxMessageSize: 1000 });
    const client = await login();
    expect((await client.command("APPEND INBOX", Buffer.alloc(3000, "x"))).at(-1)).toMatch(/^NO \[TOOBIG\]/);
    expect((await client.command("APPEND nowhere", message("x"))).at(-1)).toMatch(/^NO \[TRYCREATE\]/);
    client.write("z APPEND INBOX {9000+}\r\n");
    expect(await client.response()).toMatch(/^\* BYE/);
  });

  it("keeps nothing of a message whose client leaves in the middle", async () => {
    const client = await login();
    for (const size of [1000, 1_000_000]) {
      const leaver = await login();
      leaver.write(`a APPEND INBOX {${size}+}\r\n${"x".repeat(size / 2)}`);
      leaver.socket.end();
      await leaver.closed();
      expect(await client.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 0)"]);
    }
    client.write(`b APPEND INBOX {500000+}\r\n${"x".repeat(500_000)} garbage\r\n`);
    expect((await client.until("b")).at(-1)).toMatch(/^BAD/);
    expect(await client.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 0)"]);
  });

  it("refuses a line that is too long and goes on", async () => {
    const client = await login();
    client.write(`a SEARCH ${"x".repeat(100_000)}\r\n`);
    expect(await client.response()).toBe("* BAD Line is too long");
    await client.ok("NOOP");
  });

  it("keeps two users apart", async () => {
    const [ann, bob] = [await login("ann"), await login("bob")];
    await ann.ok("APPEND INBOX", message("secret"));
    expect(await bob.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 0)"]);
    for (const name of ["../ann", "/etc", "..", "a/../../b", "&AC4ALg-"])
      expect((await bob.command(`SELECT "${name}"`)).at(-1)).toMatch(/^(NO|BAD)/);
  });

  it("keeps UIDs and flags across a restart of the session", async () => {
    const first = await login();
    for (const subject of ["a", "b", "c"]) await first.ok("APPEND INBOX (\\Seen kw)", message(subject));
    await first.ok("SELECT INBOX");
    await first.ok("STORE 2 +FLAGS.SILENT (\\Deleted)");
    await first.ok("EXPUNGE");
    const before = await first.ok("FETCH 1:* (UID FLAGS)");
    await first.command("LOGOUT");
    const second = await login();
    await second.ok("SELECT INBOX");
    const flags = (lines: string[]) => lines.map((line) => line.replace(" \\Recent", ""));
    expect(flags(await second.ok("FETCH 1:* (UID FLAGS)"))).toEqual(flags(before));
    expect(before.map((line) => /UID (\d+)/.exec(line)?.[1])).toEqual(["1", "3"]);
  });

  it("gives every session the same mailbox in the end, whatever several of them do", async () => {
    const sessions = await Promise.all([login(), login(), login()]);
    for (let i = 0; i < 10; i++) await sessions[0]?.ok("APPEND INBOX", message(`m${i}`));
    for (const session of sessions) await session.ok("SELECT INBOX");
    const counts = sessions.map(() => 10);
    const command = fc.oneof(
      fc.constantFrom(
        "NOOP",
        "EXPUNGE",
        "UID FETCH 1:* FLAGS",
        "UID SEARCH ALL",
        "FETCH 1:* (UID FLAGS)",
        "SEARCH DELETED",
      ),
      fc
        .tuple(fc.nat(30), fc.constantFrom("\\Seen", "\\Deleted", "kw"))
        .map(([uid, flag]) => `UID STORE ${uid + 1} +FLAGS (${flag})`),
      fc.nat(30).map((uid) => `UID STORE ${uid + 1}:* -FLAGS.SILENT (\\Seen)`),
      fc.constant("APPEND"),
    );
    const hear = (who: number, lines: readonly string[], mayExpunge: boolean) => {
      for (const line of lines) {
        const [, number = "", word] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH)/.exec(line) ?? [];
        if (word === "EXISTS") counts[who] = Number(number);
        if (word === "FETCH") expect(Number(number)).toBeLessThanOrEqual(counts[who] ?? 0);
        if (word !== "EXPUNGE") continue;
        expect(mayExpunge).toBe(true);
        expect(Number(number)).toBeLessThanOrEqual(counts[who] ?? 0);
        counts[who] = (counts[who] ?? 0) - 1;
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), command), { maxLength: 40 }), async (steps) => {
        for (const [who, text] of steps) {
          const session = sessions[who] as RawClient;
          const answer =
            text === "APPEND" ? await session.command("APPEND INBOX", message("n")) : await session.command(text);
          expect(answer.at(-1)).toMatch(/^OK/);
          hear(who, answer, !/^(FETCH|SEARCH|STORE)/.test(text));
        }
        const views: string[][] = [];
        for (const [who, session] of sessions.entries()) {
          hear(who, await session.ok("NOOP"), true);
          const view = await session.ok("FETCH 1:* (UID FLAGS)");
          expect(view).toHaveLength(counts[who] ?? 0);
          views.push(view.map((line) => line.replace(/ ?\\Recent/, "").replace(/\((\\| )/, "($1")));
        }
        expect(views[1]).toEqual(views[0]);
        expect(views[2]).toEqual(views[0]);
      }),
      { numRuns: 15 },
    );
  });

  it("answers garbage with BAD or BYE, never with silence or a crash", async () => {
    const word = fc.constantFrom(
      "FETCH",
      "UID",
      "STORE",
      "SEARCH",
      "APPEND",
      "LIST",
      "1:*",
      "(",
      ")",
      "BODY[",
      "]",
      "<0.1>",
      "{3+}\r\nabc",
      "{5}",
      "\\Seen",
      '"',
      "%",
      "*",
      "FLAGS",
      "HEADER.FIELDS",
      "OR",
      "NOT",
      "INBOX",
      "\0",
      "\xff",
      "&",
      "999999999999",
      "SELECT",
      "COPY",
      "MOVE",
      "IDLE",
      "CHARSET",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(word, { minLength: 1, maxLength: 8 }), { maxLength: 12 }), async (lines) => {
        const client = await RawClient.login(imap.server.port);
        try {
          await client.ok("SELECT INBOX");
          for (const [index, words] of lines.entries())
            client.write(Buffer.from(`g${index} ${words.join(" ")}\r\n`, "latin1"));
          // Whatever state that left: DONE ends an IDLE, lines fill a literal, LOGOUT ends the session.
          client.write("DONE\r\n".repeat(10));
          client.write("q LOGOUT\r\n".repeat(30));
          client.socket.end();
          for (let line = await client.response(); line !== null; line = await client.response())
            expect(line).toMatch(/^(\*|\+|[^ ]+ (OK|NO|BAD)) /s);
        } finally {
          client.destroy();
        }
      }),
      { numRuns: 60 },
    );
    const after = await login();
    await after.ok("SELECT INBOX");
  });

  it("works with imapflow from login to logout", async () => {
    const client = new ImapFlow({
      host: "127.0.0.1",
      port: imap.server.tlsPort,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: "ann", pass: "secret" },
      logger: false,
    });
    await client.connect();
    try {
      await client.mailboxCreate("Archive/2026");
      expect((await client.list()).map(({ path }) => path).sort()).toEqual(
        expect.arrayContaining(["Archive/2026", "INBOX"]),
      );
      const attachment = `--x\r\nContent-Type: text/plain\r\n\r\nGr=C3=BC=C3=9Fe\r\n--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="a.png"\r\n\r\nAAAA\r\n--x--\r\n`;
      await client.append(
        "INBOX",
        Buffer.from(
          `From: Ann <ann@example.org>\r\nSubject: first\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n${attachment}`,
        ),
        ["\\Flagged"],
        new Date("2026-01-02T03:04:05Z"),
      );
      await client.append("INBOX", message("second"));
      const lock = await client.getMailboxLock("INBOX");
      try {
        expect(client.mailbox).toMatchObject({ exists: 2, uidNext: 3 });
        const one = await client.fetchOne("1", {
          envelope: true,
          bodyStructure: true,
          flags: true,
          internalDate: true,
          size: true,
          source: true,
        });
        if (!one) throw new Error("no message");
        expect(one.envelope).toMatchObject({ subject: "first", from: [{ name: "Ann", address: "ann@example.org" }] });
        expect(one.bodyStructure).toMatchObject({
          type: "multipart/mixed",
          childNodes: [{ type: "text/plain" }, { type: "image/png", disposition: "attachment" }],
        });
        expect([...(one.flags ?? [])].filter((flag) => flag !== "\\Recent")).toEqual(["\\Flagged"]);
        expect(new Date(one.internalDate ?? 0).toISOString()).toBe("2026-01-02T03:04:05.000Z");
        expect(one.source?.length).toBe(one.size);
        const { content } = await client.download("1", "2");
        if (!content) throw new Error("no content");
        const pieces: Buffer[] = [];
        for await (const piece of content) pieces.push(piece as Buffer);
        expect(Buffer.concat(pieces)).toEqual(Buffer.of(0, 0, 0));
        expect(await client.search({ subject: "second" })).toEqual([2]);
        await client.messageFlagsAdd("2", ["\\Seen", "$Custom"]);
        expect(await client.messageMove("2", "Archive/2026")).toMatchObject({
          path: "INBOX",
          destination: "Archive/2026",
        });
        await client.messageDelete("1:*");
      } finally {
        lock.release();
      }
      expect(await client.status("INBOX", { messages: true })).toMatchObject({ messages: 0 });
      expect(await client.status("Archive/2026", { messages: true, unseen: true })).toMatchObject({
        messages: 1,
        unseen: 0,
      });
      await client.mailboxRename("Archive/2026", "Old");
      await client.mailboxDelete("Old");
    } finally {
      await client.logout();
    }
  });
});
