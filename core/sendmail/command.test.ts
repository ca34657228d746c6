import { userInfo } from "node:os";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import type { LeftEnvelope } from "../maildrop/format.ts";
import { type Ran, type RunOptions, runSendmail as run } from "../testing/sendmail.ts";
import type { FlushTarget } from "./command.ts";

const addresses = ({ left }: Ran) => left.flatMap(({ envelope }) => envelope.recipients.map(({ address }) => address));

it("leaves a message with the user as its sender", async () => {
  const ran = await run(["ann@example.net"], { input: "Subject: hi\n\nhello\n" });
  expect(ran).toMatchObject({ exitCode: 0, out: "", err: "" });
  expect(ran.left[0]?.envelope).toEqual({
    ...{ purpose: "send", sender: `${userInfo().username}@example.org`, body: "7bit", isSmtpUtf8: false },
    ...{ ret: null, envid: null, sizeBytes: ran.left[0]?.text.length },
    recipients: [{ address: "ann@example.net", notify: [], orcpt: null }],
  });
  expect(ran.left[0]?.text).toMatch(/^From: .*@example\.org>?\r\nSubject: hi\r\n\r\nhello\r\n$/);
});

it.each<[string, readonly string[], Partial<LeftEnvelope>]>([
  ["-f", ["-f", "ben@example.net"], { sender: "ben@example.net" }],
  ["-f joined", ["-fben@example.net"], { sender: "ben@example.net" }],
  ["-r", ["-r", "<ben@example.net>"], { sender: "ben@example.net" }],
  ["-f with a bare name", ["-fben"], { sender: "ben@example.org" }],
  ["-f with a comment", ["-f", "ben@example.net (Ben)"], { sender: "ben@example.net" }],
  ["-f with nothing", ["-f", ""], { sender: null }],
  ["-f with the null path", ["-f<>"], { sender: null }],
  [
    "-N",
    ["-N", "success,delay"],
    { recipients: [{ address: "ann@example.net", notify: ["success", "delay"], orcpt: null }] },
  ],
  ["-N never", ["-Nnever"], { recipients: [{ address: "ann@example.net", notify: ["never"], orcpt: null }] }],
  ["-R", ["-R", "hdrs"], { ret: "hdrs" }],
  ["-V", ["-V", "id-42"], { envid: "id-42" }],
  ["a cluster, and -B", ["-tiB8BITMIME"], { body: "7bit" }],
  ["what cron says", ["-FCronDaemon", "-i", "-B8BITMIME", "-oem"], {}],
  [
    "what changes nothing here",
    [
      "-oi",
      "-oem",
      "-odb",
      "-om",
      "-O",
      "DeliveryMode=b",
      "-OMaxHopCount=5",
      "-G",
      "-n",
      "-m",
      "-U",
      "-L",
      "tag",
      "-h5",
      "-X",
      "/dev/null",
      "-p",
      "ESMTP:host",
      "-A",
      "c",
      "-em",
      "-d",
      "-bm",
    ],
    {},
  ],
])("%s", async (_, args, expected) => {
  const ran = await run([...args, "ann@example.net"], { input: "Subject: hi\n\nhello\n" });
  expect(ran.err).toBe("");
  expect(ran.exitCode).toBe(0);
  expect(ran.left).toHaveLength(1);
  expect(ran.left[0]?.envelope).toMatchObject(expected);
});

it.each<[string, readonly string[], string, string]>([
  ["LF", ["-i"], "A: b\n\none\ntwo\n", "A: b\r\n\r\none\r\ntwo\r\n"],
  ["CRLF", ["-i"], "A: b\r\n\r\none\r\n", "A: b\r\n\r\none\r\n"],
  ["CR alone", ["-i"], "A: b\n\none\rtwo\n", "A: b\r\n\r\none\r\ntwo\r\n"],
  ["a last line without its end", ["-i"], "A: b\n\none", "A: b\r\n\r\none\r\n"],
  ["NUL", ["-i"], "A: b\n\no\0ne\n", "A: b\r\n\r\none\r\n"],
  ["a dot alone", [], "A: b\n\none\n.\ntwo\n", "A: b\r\n\r\none\r\n"],
  ["a dot alone with CRLF", [], "A: b\r\n\r\none\r\n.\r\ntwo\r\n", "A: b\r\n\r\none\r\n"],
  ["a dot alone at the end", [], "A: b\n\none\n.", "A: b\r\n\r\none\r\n"],
  ["a dot alone at the beginning", [], ".\nA: b\n", "\r\n"],
  ["dots that are not alone", [], "A: b\n\n..\n.a\n. \n", "A: b\r\n\r\n..\r\n.a\r\n. \r\n"],
  ["a dot alone with -i", ["-i"], "A: b\n\none\n.\ntwo\n", "A: b\r\n\r\none\r\n.\r\ntwo\r\n"],
  ["a dot alone with -oi", ["-oi"], "A: b\n\n.\ntwo\n", "A: b\r\n\r\n.\r\ntwo\r\n"],
  ["no header", ["-i"], "hello\nyou: there\n", "\r\nhello\r\nyou: there\r\n"],
  ["a header that ends without an empty line", ["-i"], "A: b\nhello you\n", "A: b\r\n\r\nhello you\r\n"],
  ["a header only", ["-i"], "A: b\n", "A: b\r\n\r\n"],
  ["nothing", ["-i"], "", "\r\n"],
  ["a mark of mbox", ["-i"], "From ann Thu Jan  1 00:00:00 1970\nA: b\n\nFrom me\n", "A: b\r\n\r\nFrom me\r\n"],
  ["folded fields", ["-i"], "A: b\n c\n\td\n\nx\n", "A: b\r\n c\r\n\td\r\n\r\nx\r\n"],
  ["a fold before any field", ["-i"], " c\nA: b\n", "\r\n c\r\nA: b\r\n"],
])("takes %s, in whatever pieces it comes", async (_, args, input, expected) => {
  for (const pieces of [[input], [...input]]) {
    const ran = await run(["-f", "<>", ...args, "ann@example.net"], { input: pieces });
    expect(ran.err).toBe("");
    expect(ran.left[0]?.text).toBe(expected);
  }
});

it.each<[string, readonly string[], string, readonly string[]]>([
  [
    "To, Cc and Bcc",
    ["-t"],
    "To: ann@a.example\nCc: Ben <ben@b.example>\nBcc: cat@c.example\n",
    ["ann@a.example", "ben@b.example", "cat@c.example"],
  ],
  [
    "those of the command line as well",
    ["-t", "dan@d.example"],
    "To: ann@a.example\n",
    ["dan@d.example", "ann@a.example"],
  ],
  ["each once", ["-t", "ann@a.example"], "To: ann@a.example\nCc: <ann@a.example>\n", ["ann@a.example"]],
  [
    "members of groups, and empty groups",
    ["-t"],
    "To: all: ann@a.example, Ben <ben@b.example>;, undisclosed:;\n",
    ["ann@a.example", "ben@b.example"],
  ],
  [
    "names with commas, comments, folding, encoded words",
    ["-t"],
    'To: "Smith, Ann (A)" <ann@a.example>,\n =?utf-8?q?B=C3=A9n?= <ben@b.example> (a, b@c)\n',
    ["ann@a.example", "ben@b.example"],
  ],
  ["quoted local parts", ["-t"], 'To: "a b"@a.example, "c,d"@b.example\n', ['"a b"@a.example', '"c,d"@b.example']],
  ["bare names", ["-t"], "To: root, ann\n", ["root", "ann"]],
  ["letters beyond ASCII", ["-t"], "To: žofie@a.example\n", ["žofie@a.example"]],
  [
    "whom it is sent on to, and nobody else",
    ["-t"],
    "Resent-To: ann@a.example\nResent-Bcc: ben@b.example\nTo: cat@c.example\n",
    ["ann@a.example", "ben@b.example"],
  ],
  ["nobody of the body", ["-t"], "To: ann@a.example\n\nCc: ben@b.example\n", ["ann@a.example"]],
  [
    "lists on the command line",
    ["ann@a.example, Ben <ben@b.example>", "--", "-cat@c.example"],
    "",
    ["ann@a.example", "ben@b.example", "-cat@c.example"],
  ],
])("finds %s", async (_, args, header, expected) => {
  const ran = await run(args, { input: `${header}\nhello\n` });
  expect(ran.err).toBe("");
  expect(addresses(ran)).toEqual(expected);
  expect(ran.left[0]?.envelope.isSmtpUtf8).toBe(/[^\u0000-\u007f]/.test(expected.join()));
});

it.each<[string, readonly string[], RunOptions, number, RegExp]>([
  ["nobody", [], {}, 64, /nobody is named/],
  ["nobody in the header", ["-t"], { input: "Subject: x\n\n" }, 64, /nobody is named in the header/],
  ["nobody to whom it is sent on", ["-t"], { input: "Resent-From: a@b.example\nTo: c@d.example\n\n" }, 64, /nobody/],
  ["what is no address", ["ann@"], {}, 67, /no address: "ann@"/],
  ["an empty name", [""], {}, 67, /no address/],
  ["what is no address in the header", ["-t"], { input: "To: ann@a.example, ben @@\n\n" }, 65, /field to/],
  ["a sender that is none", ["-f", "a b c", "ann@a.example"], {}, 64, /sender/],
  ["two senders", ["-f", "a@b.example,c@d.example", "ann@a.example"], {}, 64, /sender/],
  ["an unknown option", ["-Z", "ann@a.example"], {}, 64, /no option -Z/],
  ["an option without its argument", ["-f"], {}, 64, /needs an argument/],
  ["-bd", ["-bd"], {}, 64, /postern start/],
  ["-bt", ["-bt"], {}, 64, /-bv/],
  ["-bh", ["-bh"], {}, 64, /log/],
  ["-bz", ["-bz"], {}, 64, /no mode -bz/],
  ["-q30m", ["-q30m"], {}, 64, /queue\.firstRetry/],
  ["-qSx", ["-qSx"], {}, 64, /-qRDOMAIN/],
  ["-N sometimes", ["-N", "sometimes", "ann@a.example"], {}, 64, /-N/],
  ["-N never with others", ["-N", "never,delay", "ann@a.example"], {}, 64, /-N/],
  ["-R all", ["-R", "all", "ann@a.example"], {}, 64, /-R/],
  ["-V with a blank", ["-V", "a b", "ann@a.example"], {}, 64, /-V/],
  ["-B", ["-B", "BINARY", "ann@a.example"], {}, 64, /-B/],
  [
    "a message that is too large",
    ["ann@a.example"],
    { input: `A: b\n\n${"x".repeat(2000)}`, facts: { messageSizeBytes: 1000 } },
    69,
    /larger than 1000/,
  ],
  ["a header that is too large", ["ann@a.example"], { input: "A: b\n".repeat(200_000) }, 65, /header/],
  ["a server of another version", ["ann@a.example"], { facts: { format: 2 } }, 69, /version/],
  ["no server", ["ann@a.example"], { env: { POSTERN_SENDMAIL: "/nonexistent" } }, 69, /no server is known here/],
  ["no server where -C says", ["-C", "/nonexistent/x.json", "ann@a.example"], {}, 69, /nonexistent/],
  ["a maildrop that is gone", ["ann@a.example"], { facts: { maildrop: "/nonexistent/new" } }, 69, /ENOENT/],
  ["a maildrop that is a file", ["ann@a.example"], { facts: { maildrop: "/etc/passwd" } }, 73, /ENOTDIR/],
  ["a maildrop that takes no files", ["ann@a.example"], { facts: { maildrop: "/proc/self" } }, 69, /ENOENT/],
  [
    "input that breaks off",
    ["ann@a.example"],
    {
      input: new Readable({
        read() {
          this.push("A: b\n\nhalf");
          this.destroy(new Error("EIO"));
        },
      }),
    },
    74,
    /cannot be read/,
  ],
])("refuses %s and leaves nothing", async (_, args, options, exitCode, text) => {
  const ran = await run(args, options);
  expect(ran.err).toMatch(text);
  expect(ran.err).toMatch(/^sendmail: .*\n$/);
  expect(ran.exitCode).toBe(exitCode);
  expect(ran.left).toEqual([]);
});

it.each<[string, readonly string[], string, RegExp]>([
  ["of -F", ["-F", "Ann Lee"], "", /^From: Ann Lee <x@example\.net>\r\n/],
  ["with characters that need quotes", ["-F", 'Ann "A." Lee'], "", /^From: "Ann \\"A\.\\" Lee" <x@example\.net>\r\n/],
  ["beyond ASCII", ["-F", "Žofie"], "", /^From: =\?UTF-8\?B\?xb1vZmll\?= <x@example\.net>\r\n/],
  [
    "that would begin another field",
    ["-F", "Ann\nBcc: y@example.net"],
    "",
    /^From: "Ann Bcc: y@example\.net" <x@example\.net>\r\n/,
  ],
  ["nowhere, where there is a From", ["-F", "Ann"], "From: y@example.net\n", /^From: y@example\.net\r\n/],
  [
    "in the field of who sends it on",
    ["-F", "Ann"],
    "Resent-To: z@example.net\nFrom: y@example.net\n",
    /^Resent-From: Ann <x@example\.net>\r\nResent-To/,
  ],
])("puts the name %s into the header", async (_, args, header, expected) => {
  const ran = await run(["-f", "x@example.net", ...args, "ann@example.net"], { input: `${header}\nhello\n` });
  expect(ran.left[0]?.text).toMatch(expected);
});

it("says of 8-bit content that it is that", async () => {
  const ran = await run(["-B7BIT", "ann@example.net"], { input: "Subject: hi\n\nžluť\n" });
  expect(ran.left[0]?.envelope).toMatchObject({ body: "8bitmime", isSmtpUtf8: false });
});

it("asks what would become of a message", async () => {
  const ran = await run(["-bv", "ann@example.net", "ben"]);
  expect(ran.exitCode).toBe(0);
  expect(ran.left[0]?.envelope).toMatchObject({ purpose: "verify", sizeBytes: 0 });
  expect(addresses(ran)).toEqual(["ann@example.net", "ben"]);
});

it.each<[string, readonly string[], FlushTarget]>([
  ["-q", ["-q"], { at: "all" }],
  ["-qR", ["-qRexample.net"], { at: "site", domain: "example.net" }],
  ["-qI", ["-qI0123"], { at: "id", id: "0123" }],
])("flushes for %s", async (_, args, target) => {
  expect(await run(args)).toMatchObject({ exitCode: 0, flushed: [target], left: [] });
});

it("is mailq and newaliases, too", async () => {
  expect((await run([], { name: "mailq" })).exitCode).toBe(42);
  expect((await run(["-bp"])).exitCode).toBe(42);
  expect(await run([], { name: "newaliases" })).toMatchObject({ exitCode: 0, out: "" });
  expect(await run(["-bi", "-v"])).toMatchObject({ exitCode: 0, out: expect.stringContaining("as they are") });
});
