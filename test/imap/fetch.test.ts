/** FETCH of what nobody sends on purpose, of large encoded parts, and for clients that do not read. Each response is held against the grammar. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

let server: ImapServer;
const clients: RawClient[] = [];
beforeEach(async () => {
  server = await ImapServer.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.stop();
});

async function login(): Promise<RawClient> {
  const client = await RawClient.login(server.port);
  clients.push(client);
  return client;
}

const fixtures = new URL("../../core/mail/structure/fixtures/", import.meta.url);
const crlf = (text: string): Buffer => Buffer.from(text.replace(/\r?\n/g, "\r\n"), "latin1");
const nested = (depth: number): string => {
  let text = "";
  for (let level = 0; level < depth; level++)
    text += `Content-Type: multipart/mixed; boundary=b${level}\n\n--b${level}\n`;
  return `${text}\nend\n`;
};
const messagesInMessages = (depth: number): string =>
  `${"Subject: s\nContent-Type: message/rfc822\n\n".repeat(depth)}end\n`;

/** Without NUL: that comes in by itself, see below. */
const hostile: Readonly<Record<string, Buffer>> = {
  ...Object.fromEntries(
    readdirSync(fixtures)
      .filter((name) => name.endsWith(".eml"))
      .map((name) => [name, crlf(readFileSync(new URL(name, fixtures), "latin1").replaceAll("\0", "?"))]),
  ),
  "empty but for a line": crlf("\n"),
  "no header at all": crlf("\njust text\n"),
  "no body": crlf("Subject: x"),
  "parts in parts": crlf(nested(2_000)),
  "messages in messages": crlf(messagesInMessages(2_000)),
  "parts by the thousand": crlf(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(20_000)}--b--\n`),
  "a header of a megabyte": crlf(`Subject: ${"a ".repeat(500_000)}\nTo: ${"b@c, ".repeat(10_000)}\n\ntext\n`),
  "quotes and brackets": crlf(
    `Subject: "\\" {3} (\nFrom: "a\\"b" <c@d>\nContent-Type: text/plain; x="{3}"; y=")"\n\ntext\n`,
  ),
  "octets of no charset": crlf('Subject: \xff\xfe\nFrom: "\xc3\xa4" <\xc3\xa4@d>\nContent-Description: \xe4\n\n\xff\n'),
  "boundaries of nothing": crlf('Content-Type: multipart/mixed; boundary=""\n\n--\n\nx\n----\n'),
  "encodings of nothing": crlf("Content-Transfer-Encoding: x-nothing\n\ntext\n"),
  "damaged base64": crlf("Content-Transfer-Encoding: base64\n\n=AB=C!\n"),
};
const items =
  "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE PREVIEW PREVIEW (LAZY) EMAILID THREADID SAVEDATE " +
  "BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.1.1.HEADER] BODY.PEEK[2.TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT TO)] " +
  "BODY.PEEK[1.HEADER.FIELDS.NOT (SUBJECT)] BODY.PEEK[TEXT]<10.20> BODY.PEEK[20000]";

it("answers for whatever a message is, the same each time, in a bounded response", async () => {
  const client = await login();
  const names = Object.keys(hostile);
  for (const name of names) await client.ok("APPEND INBOX", hostile[name]);
  await client.ok("SELECT INBOX");
  const first: string[] = [];
  for (const [index, name] of names.entries()) {
    const [response = ""] = (await client.ok(`FETCH ${index + 1} (${items})`)).filter((line) =>
      line.includes(" FETCH "),
    );
    expect(response.length, name).toBeLessThan(8_000_000);
    first.push(response.replace(/FLAGS \([^)]*\)/, ""));
    const binary = (await client.command(`FETCH ${index + 1} (BINARY.SIZE[1] BINARY.PEEK[1]<0.10>)`)).at(-1);
    expect(binary, name).toMatch(/^OK|^NO \[UNKNOWN-CTE\]/);
  }
  const other = await login();
  await other.ok("EXAMINE INBOX");
  const again = (await other.ok(`FETCH 1:* (${items})`)).filter((line) => line.includes(" FETCH "));
  expect(again.map((line) => line.replace(/FLAGS \([^)]*\)/, ""))).toEqual(first);
  // RFC 6855 3: other strings, and the same values.
  await other.ok("ENABLE UTF8=ACCEPT");
  await other.ok("EXAMINE INBOX");
  const number = names.indexOf("octets of no charset") + 1;
  const [utf8 = ""] = (await other.ok(`FETCH ${number} (ENVELOPE)`)).filter((line) => line.includes(" FETCH "));
  expect(utf8).toContain('(("\xc3\xa4" NIL "\xc3\xa4" "d"))');
  expect(utf8).toContain("{2}\r\n\xff\xfe");
  const [plain = ""] = first.slice(number - 1);
  expect(plain).toContain('(({2}\r\n\xc3\xa4 NIL {2}\r\n\xc3\xa4 "d"))');
});

it("decodes a part that is larger than what is held, whole and in parts", async () => {
  const client = await login();
  const octets = randomBytes(2_000_000);
  const encoded = octets.toString("base64").replace(/.{76}/g, "$&\r\n");
  const head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  await client.ok("APPEND INBOX", Buffer.from(`${head}${encoded}\r\n--b--\r\n`));
  await client.ok("SELECT INBOX");
  expect(await client.ok("FETCH 1 BINARY.SIZE[1]")).toEqual(["* 1 FETCH (BINARY.SIZE[1] 2000000)"]);
  const [whole = ""] = await client.ok("FETCH 1 BINARY.PEEK[1]");
  expect(whole === `* 1 FETCH (BINARY[1] ~{2000000}\r\n${octets.toString("latin1")})`).toBe(true);
  const [part = ""] = await client.ok("FETCH 1 BINARY.PEEK[1]<1234567.100>");
  const wanted = octets.subarray(1_234_567, 1_234_667);
  const mark = wanted.includes(0) ? "~" : "";
  expect(part).toBe(`* 1 FETCH (BINARY[1]<1234567> ${mark}{100}\r\n${wanted.toString("latin1")})`);
  expect(await client.ok("FETCH 1 BINARY.PEEK[1]<2000000.1>")).toEqual(["* 1 FETCH (BINARY[1]<2000000> {0}\r\n)"]);
});

it("tells the PREVIEW of a large message to those who will not wait once it is known", async () => {
  const [client, other] = [await login(), await login()];
  await client.ok("APPEND INBOX", Buffer.from(`Subject: large\r\n\r\n${"Words of it. ".repeat(20_000)}\r\n`));
  for (const each of [client, other]) await each.ok("SELECT INBOX");
  expect(await client.ok("FETCH 1 PREVIEW (LAZY)")).toEqual(["* 1 FETCH (PREVIEW NIL)"]);
  const said = await client.ok("FETCH 1 PREVIEW");
  expect(said[0]).toMatch(/^\* 1 FETCH \(PREVIEW "Words of it\. /);
  expect(await other.ok("FETCH 1 PREVIEW (LAZY)")).toEqual(said);
});

it("sends another octet for NUL where a literal must not have it", async () => {
  const client = await login();
  // As another program may leave it there.
  const maildir = join(server.root, "ann/Maildir");
  for (const part of ["tmp", "new", "cur"]) await mkdir(join(maildir, part), { recursive: true });
  await writeFile(join(maildir, "new/1600000000.M1P1.host"), "Subject: x\r\n\r\na\0b");
  await client.ok("SELECT INBOX");
  const [response = ""] = await client.ok("FETCH 1 (BODY.PEEK[TEXT] BINARY.PEEK[1])");
  expect(response.replace(/^\* 1 FETCH /, "")).toBe("(BODY[TEXT] {3}\r\na\x80b BINARY[1] ~{3}\r\na\0b)");
});

it("holds little of a large message for a client that does not read", async () => {
  const client = await login();
  const line = `${"x".repeat(98)}\r\n`;
  await client.ok("APPEND INBOX", Buffer.from(`Subject: large\r\n\r\n${line.repeat(500_000)}`));
  await client.ok("SELECT INBOX");
  client.socket.pause();
  const before = process.memoryUsage();
  client.write("slow FETCH 1 BODY.PEEK[]\r\n");
  const other = await login();
  for (let turn = 0; turn < 100; turn++) await other.ok("NOOP");
  const after = process.memoryUsage();
  expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(30_000_000);
});
