/** STORE for very many messages: the answer comes before the files have their new names, and whatever follows finds it done. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

const COUNT = 300;
let server: ImapServer;
let clients: RawClient[] = [];
const cur = () => join(server.root, "ann", "Maildir", "cur");

beforeEach(async () => {
  server = await ImapServer.start();
  for (const step of ["tmp", "new", "cur"]) await mkdir(join(cur(), "..", step), { recursive: true });
  for (let number = 1; number <= COUNT; number++)
    await writeFile(join(cur(), `${1_600_000_000 + number}.M1P1Q${number}.host:2,`), `Subject: m${number}\r\n\r\n`);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  await server.stop();
});

async function selected(parameter = ""): Promise<RawClient> {
  const client = await RawClient.login(server.port);
  clients.push(client);
  await client.ok(`SELECT INBOX ${parameter}`.trim());
  return client;
}

const fetched = (lines: readonly string[], pattern: RegExp): number =>
  lines.filter((line) => pattern.test(line)).length;

it("answers each message once, in order, and tells the other session", async () => {
  const [one, two] = [await selected(), await selected()];
  const said = await one.ok("STORE 1:* +FLAGS (\\Flagged $Work)");
  const responses = said.filter((line) => line.includes("FETCH"));
  expect(responses).toEqual(
    Array.from({ length: COUNT }, (_, index) => `* ${index + 1} FETCH (FLAGS (\\Flagged $Work))`),
  );
  await one.ok("LOGOUT");
  expect(fetched(await two.ok("NOOP"), /FETCH \(FLAGS \(\\Flagged \$Work\)\)$/)).toBe(COUNT);
  expect((await readdir(cur())).filter((name) => !name.endsWith(":2,Fa"))).toEqual([]);
});

it("says nothing where that is asked for, but modification sequences, which UNCHANGEDSINCE goes by", async () => {
  const [one, two] = [await selected("(CONDSTORE)"), await selected("(CONDSTORE)")];
  const before = /HIGHESTMODSEQ (\d+)/.exec((await one.ok("STATUS INBOX (HIGHESTMODSEQ)")).join("\n"))?.[1] ?? "";
  const said = await one.ok("STORE 1:* +FLAGS.SILENT (\\Seen)");
  const modseqs = new Set(said.map((line) => /^\* \d+ FETCH \(UID \d+ MODSEQ \((\d+)\)\)$/.exec(line)?.[1] ?? ""));
  const [modseq = ""] = modseqs;
  expect(Number(modseq)).toBeGreaterThan(Number(before));
  expect(fetched(said, new RegExp(`MODSEQ \\(${modseq}\\)`))).toBe(COUNT);
  const refused = await two.command(`UID STORE 1:* (UNCHANGEDSINCE ${before}) -FLAGS.SILENT (\\Seen)`);
  expect(refused.at(-1)).toContain(`[MODIFIED 1:${COUNT}]`);
  // What the second is told is what the first was told.
  const told = [...refused, ...(await two.ok("NOOP"))];
  expect(fetched(told, new RegExp(`FLAGS \\(.*Seen.*MODSEQ \\(${modseq}\\)`))).toBe(COUNT);
  expect(fetched(await one.ok(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${before})`), /FETCH/)).toBe(COUNT);
  expect(fetched(await one.ok(`FETCH 1:* (FLAGS) (CHANGEDSINCE ${modseq})`), /FETCH/)).toBe(0);
});

it("goes before whatever is sent along with it", async () => {
  const client = await selected();
  await client.ok("CREATE Other");
  client.write(
    [
      "p1 STORE 1:* +FLAGS.SILENT (\\Deleted)",
      "p2 COPY 1:* Other",
      "p3 FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
      `p4 STORE 1:${COUNT - 1} -FLAGS (\\Deleted)`,
      "p5 EXPUNGE",
      "p6 STATUS Other (MESSAGES DELETED)",
      "",
    ].join("\r\n"),
  );
  const lines: string[] = [];
  for (let line = await client.response(); line !== null; line = await client.response()) {
    lines.push(line);
    if (line.startsWith("p6")) break;
  }
  expect(lines.filter((line) => /^p\d (?!OK)/.test(line))).toEqual([]);
  expect(fetched(lines, /Subject: m\d+/)).toBe(COUNT);
  expect(fetched(lines, /FETCH \(FLAGS \(\)\)/)).toBe(COUNT - 1);
  expect(lines.filter((line) => line.endsWith("EXPUNGE"))).toEqual([`* ${COUNT} EXPUNGE`]);
  expect(lines).toContain(`* STATUS Other (MESSAGES ${COUNT} DELETED ${COUNT})`);
});
