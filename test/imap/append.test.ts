import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { RawClient } from "./raw-client.ts";
import { serverForEach } from "./server-for-each.ts";

const message = (subject: string, body = "hello\r\n"): string =>
  `From: a@example.org\r\nSubject: ${subject}\r\n\r\n${body}`;
const literal = (text: string): string => `{${text.length}+}\r\n${text}`;
const binary = (text: string): string => `~{${text.length}+}\r\n${text}`;

describe("messages that come in", () => {
  const imap = serverForEach();
  const { start, login } = imap;
  let tags = 0;
  /** The last response to a command sent as it stands. */
  const say = async (client: RawClient, text: string): Promise<string> => {
    const tag = `s${++tags}`;
    client.write(Buffer.from(`${tag} ${text}\r\n`, "latin1"));
    return (await client.until(tag)).at(-1) ?? "";
  };
  const bodies = async (client: RawClient): Promise<string[]> => {
    await client.ok("SELECT INBOX");
    const responses = await client.ok("FETCH 1:* BODY.PEEK[]").catch(() => []);
    return responses.flatMap((text) => /^\* \d+ FETCH \(BODY\[\] \{\d+\}\r\n([\s\S]*)\)$/.exec(text)?.[1] ?? []);
  };

  it("come several at a time, each with its flags and date", async () => {
    const client = await login();
    const said = await say(
      client,
      `APPEND INBOX (\\Seen) " 7-Feb-1994 21:52:25 -0800" ${literal(message("one"))} (\\Flagged kw) ${literal(
        message("two", "x".repeat(400_000)),
      )} ${literal(message("three"))}`,
    );
    expect(said).toMatch(/^OK \[APPENDUID \d+ 1:3\] /);
    await client.ok("SELECT INBOX");
    expect(await client.ok("FETCH 1:3 (FLAGS RFC822.SIZE)")).toEqual([
      expect.stringContaining("* 1 FETCH (FLAGS (\\Seen"),
      expect.stringMatching(/^\* 2 FETCH \(FLAGS \(.*kw.* RFC822\.SIZE 4000\d\d\)/),
      expect.stringContaining("* 3 FETCH (FLAGS (\\Recent"),
    ]);
    expect((await client.ok("FETCH 1 INTERNALDATE"))[0]).toContain('" 8-Feb-1994 05:52:25 +0000"');
  });

  const broken: [name: string, rest: string, answer: RegExp][] = [
    ["the second has no octets", ` ${literal("")}`, /^NO /],
    ["the second is too large", ` ${literal("x".repeat(5000))} ${literal(message("z"))}`, /^NO \[TOOBIG\]/],
    ["something else follows", " garbage", /^BAD /],
    ["no blank follows", "garbage", /^BAD /],
    ["the second has a flag that is none", ` (\\Nonsense) ${literal(message("z"))}`, /^BAD /],
    ["the third has a date that is none", ` ${literal(message("y"))} "yesterday" ${literal("x")}`, /^BAD /],
    [
      "the second names a part that is not there",
      ` CATENATE (URL ";UID=77" TEXT ${literal("x")})`,
      /^NO \[BADURL ;UID=77\]/,
    ],
  ];
  it.each(broken)("leave nothing when %s, and the session goes on", async (_, rest, answer) => {
    await start({ maxMessageSize: 4000 });
    const client = await login();
    for (const size of [10, 3000]) {
      expect(await say(client, `APPEND INBOX ${literal(message("first", "x".repeat(size)))}${rest}`)).toMatch(answer);
      await client.ok("NOOP");
    }
    expect(await client.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 0)"]);
  });

  it("are asked for one by one where the client waits", async () => {
    await start({ maxMessageSize: 4000 });
    const client = await login();
    client.write("a APPEND INBOX {5}\r\n");
    expect(await client.response()).toMatch(/^\+ /);
    client.write("a: b\n (\\Seen) {6}\r\n");
    expect(await client.response()).toMatch(/^\+ /);
    client.write("a: bc\n\r\n");
    expect((await client.until("a")).at(-1)).toMatch(/^OK \[APPENDUID \d+ 1:2\]/);
    client.write("b APPEND nowhere {5}\r\n");
    expect((await client.until("b")).at(-1)).toMatch(/^NO \[TRYCREATE\]/);
    client.write("c APPEND INBOX {5000}\r\n");
    expect((await client.until("c")).at(-1)).toMatch(/^NO \[TOOBIG\]/);
    client.write("d APPEND INBOX {5}\r\n");
    expect(await client.response()).toMatch(/^\+ /);
    client.write("a: b\n {5000}\r\n");
    expect((await client.until("d")).at(-1)).toMatch(/^NO \[TOOBIG\]/);
    expect(await client.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 2)"]);
  });

  it("are taken in whatever pieces they come", async () => {
    const client = await login();
    const text = `a APPEND INBOX (\\Seen) CATENATE (TEXT ${literal("a: b\r\n\r\n")} TEXT ${literal("c")}) ${literal("x: y\r\n")}\r\n`;
    for (const octet of text) client.write(octet);
    expect((await client.until("a")).at(-1)).toMatch(/^OK \[APPENDUID \d+ 1:2\]/);
    expect(await bodies(client)).toEqual(["a: b\r\n\r\nc", "x: y\r\n"]);
  });

  it("are put together of what comes and what is there", async () => {
    const client = await login();
    const parts =
      'Subject: parts\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\nX-Y: z\r\n\r\nsecond part\r\n--b--\r\n';
    await say(client, `APPEND INBOX ${literal(parts)}`);
    await client.ok("CREATE &U,BTFw-");
    const [status = ""] = await client.ok("STATUS INBOX (UIDVALIDITY)");
    const validity = /UIDVALIDITY (\d+)/.exec(status)?.[1];
    await client.ok("SELECT INBOX");
    const cases: [part: string, content: string][] = [
      [`URL "/INBOX;UIDVALIDITY=${validity}/;UID=1/;SECTION=2"`, "second part"],
      ['URL "/INBOX/;UID=1/;SECTION=2.MIME"', "X-Y: z\r\n\r\n"],
      ['URL ";UID=1/;SECTION=TEXT/;PARTIAL=7.5"', "first"],
      ['URL ";UID=1/;PARTIAL=1.3"', parts.slice(1, 4)],
      ['URL ";UID=1/;PARTIAL=100000"', ""],
      ['URL ";UID=1/;SECTION=HEADER.FIELDS%20(Subject)"', "Subject: parts\r\n\r\n"],
      ["URL {6+}\r\n;UID=1", parts],
      ['URL "/inbox/;uid=1/;section=HEADER"', parts.slice(0, parts.indexOf("--b"))],
    ];
    for (const [part, content] of cases) {
      const said = await say(
        client,
        `APPEND "&U,BTFw-" CATENATE (TEXT ${literal("a: b\r\n")} ${part} TEXT ${literal("end")})`,
      );
      expect([part, said.slice(0, 3)]).toEqual([part, "OK "]);
      const again = await say(client, `APPEND INBOX CATENATE (${part} ${part} TEXT ${literal("-")})`);
      expect([part, again.slice(0, 3)]).toEqual([part, "OK "]);
      const [last = ""] = (await bodies(client)).slice(-1);
      expect(last).toBe(`${content}${content}-`);
    }
    await say(client, `APPEND "&U,BTFw-" CATENATE (URL "/%e5%8f%b0%e5%8c%97/;UID=1")`);
    await client.ok("SELECT &U,BTFw-");
    expect((await client.ok("FETCH * BODY.PEEK[]"))[0]).toContain("a: b\r\nsecond partend)");
    for (const url of [
      "/INBOX;UIDVALIDITY=1/;UID=1",
      "/INBOX/;UID=99",
      "/INBOX/;UID=1/;SECTION=9",
      "/INBOX/;UID=1/;SECTION=TEXT)",
      "/nowhere/;UID=1",
      "/../INBOX/;UID=1",
      "imap://other.example.org/INBOX/;UID=1",
      "/INBOX/;UID=1;URLAUTH=anonymous",
      "/%ff/;UID=1",
      ";UID=4294967296",
      "",
    ])
      expect([url, await say(client, `APPEND INBOX CATENATE (URL "${url}" TEXT ${literal("rest")})`)]).toEqual([
        url,
        expect.stringMatching(/^NO \[BADURL [^ \]]+\] /),
      ]);
  });

  it("cost no memory, however large they are", async () => {
    const client = await login();
    const body = `${"x".repeat(76)}\r\n`.repeat(400_000);
    const before = process.memoryUsage().rss;
    expect(await say(client, `APPEND INBOX ${literal(message("large", body))}`)).toMatch(/^OK/);
    await client.ok("SELECT INBOX");
    expect(await say(client, `APPEND INBOX CATENATE (TEXT ${literal("X: y\r\n")} URL ";UID=1")`)).toMatch(/^OK/);
    // The test's own copies are in it.
    expect(process.memoryUsage().rss - before).toBeLessThan(8 * body.length);
    expect(await say(client, `APPEND INBOX CATENATE (URL ";UID=1" URL ";UID=1" URL ";UID=1")`)).toMatch(
      /^NO \[TOOBIG\]/,
    );
  });

  it("replace others", async () => {
    const [client, other] = [await login(), await login()];
    await say(client, `APPEND INBOX ${literal(message("a"))} ${literal(message("b"))} ${literal(message("c"))}`);
    await client.ok("SELECT INBOX");
    await other.ok("SELECT INBOX");
    client.write(Buffer.from(`r REPLACE 2 INBOX (\\Draft) ${literal(message("new"))}\r\n`));
    const said = await client.until("r");
    expect(said[0]).toMatch(/^\* OK \[APPENDUID \d+ 4\] /);
    expect(said).toContain("* 2 EXPUNGE");
    expect(said).toContain("* 3 EXISTS");
    expect(said.at(-1)).toBe("OK Replace completed");
    expect(said.filter((line) => line.includes("\\Deleted"))).toEqual([]);
    expect(await say(other, `REPLACE 2 INBOX ${literal(message("late"))}`)).toMatch(/^NO \[EXPUNGEISSUED\]/);
    expect(await say(client, `UID REPLACE 1 INBOX ${literal(message("x"))} ${literal(message("y"))}`)).toMatch(/^BAD/);
    expect(await say(client, `UID REPLACE 77 INBOX ${literal(message("x"))}`)).toMatch(/^NO/);
    expect(await say(client, `REPLACE 77 INBOX ${literal(message("x"))}`)).toMatch(/^BAD/);
    expect(await say(client, `REPLACE 1 nowhere ${literal(message("x"))}`)).toMatch(/^NO \[TRYCREATE\]/);
    expect(await say(client, `UID REPLACE 1 INBOX CATENATE (URL ";UID=1" TEXT ${literal("more")})`)).toMatch(/^OK/);
    await client.ok("EXAMINE INBOX");
    expect(await say(client, `REPLACE 1 INBOX ${literal(message("x"))}`)).toMatch(/^NO \[READ-ONLY\]/);
    expect((await bodies(client)).map((text) => /Subject: (\w+)/.exec(text)?.[1])).toEqual(["c", "new", "a"]);
  });

  it("may have any octet in a literal8 but NUL, and come in UTF-8", async () => {
    const client = await login();
    expect(await say(client, `APPEND INBOX ${binary(message("\xc3\xbc"))}`)).toMatch(/^OK/);
    for (const size of [0, 300_000])
      expect(await say(client, `APPEND INBOX ${binary(message("n", `${"x".repeat(size)}\0`))}`)).toMatch(
        /^NO \[UNKNOWN-CTE\]/,
      );
    expect(await client.ok("ENABLE UTF8=ACCEPT")).toEqual(["* ENABLED UTF8=ACCEPT"]);
    expect(await say(client, `APPEND INBOX (\\Seen) UTF8 (${binary(message("\xc3\xa4"))})`)).toMatch(/^OK/);
    expect(await say(client, `APPEND INBOX UTF8 (${binary(message("\xc3\xa4"))}`)).toMatch(/^BAD/);
    expect(
      await say(client, `APPEND INBOX CATENATE (UTF8 (${binary("a: \xc3\xb6\r\n")}) TEXT ${literal("\r\n")})`),
    ).toMatch(/^OK/);
    expect(await say(client, 'CREATE "Entw\xc3\xbcrfe"')).toMatch(/^OK/);
    expect(await client.ok('LIST "" "E*"')).toEqual([expect.stringContaining('"Entw\xc3\xbcrfe"')]);
    expect(await say(client, 'CREATE "\xff"')).toMatch(/^BAD/);
    expect(await bodies(client)).toEqual([message("\xc3\xbc"), message("\xc3\xa4"), "a: \xc3\xb6\r\n\r\n"]);
  });

  it("are announced small or asked for with LITERAL-", async () => {
    await start({ literals: "LITERAL-" });
    const client = await login();
    const [capabilities = ""] = await client.ok("CAPABILITY");
    expect(capabilities.split(" ")).toEqual(expect.arrayContaining(["LITERAL-", `APPENDLIMIT=${2 ** 26}`]));
    expect(capabilities).not.toContain("LITERAL+");
    expect(await say(client, `APPEND INBOX ${literal("x".repeat(4096))}`)).toMatch(/^OK/);
    expect(await say(client, `APPEND INBOX ${literal("x".repeat(4097))}`)).toMatch(/^BAD/);
    expect(await say(client, `APPEND INBOX ${literal("x")} ${literal("x".repeat(4097))}`)).toMatch(/^BAD/);
    await client.ok("NOOP");
  });

  it("keep nothing of a client that leaves in the middle, wherever that is", async () => {
    const client = await login();
    const all = `a APPEND INBOX CATENATE (TEXT ${literal("a: b\r\n")} TEXT ${literal(randomBytes(200_000).toString("hex"))}) ${literal(message("two"))}\r\n`;
    for (const cut of [30, 60, 70, 1000, 399_000, all.length - 60, all.length - 20, all.length - 2]) {
      const leaver = await login();
      leaver.write(all.slice(0, cut));
      leaver.socket.end();
      await leaver.closed();
    }
    expect(await client.ok("STATUS INBOX (MESSAGES)")).toEqual(["* STATUS INBOX (MESSAGES 0)"]);
  });
});
