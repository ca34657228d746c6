import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { reject } from "../kernel/verdicts.ts";
import { MemoryClient } from "../testing/memory-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

/** What the hook `data` was asked for. */
const asked: string[] = [];
const watching = definePlugin({
  name: "policy-watching",
  api: 1,
  setup: () => ({
    hooks: {
      data: (envelope) => {
        asked.push(envelope.reversePath?.toString() ?? "");
        return reject("Nothing today", { code: 550, detail: "7.1" });
      },
    },
  }),
});

let server: SmtpTestServer;
let picky: SmtpTestServer;
beforeAll(async () => {
  server = await smtpTestServer({ plugins: [fixture] });
  picky = await smtpTestServer({ plugins: [fixture, watching] });
});
afterAll(async () => {
  await server.close();
  await picky.close();
});

async function session(of: SmtpTestServer, octets: string): Promise<string> {
  const client = new MemoryClient(of.serve);
  await client.until(/^220 /);
  client.send(`EHLO x.example\r\n${octets}QUIT\r\n`);
  const said = await client.closed();
  return said.slice(said.lastIndexOf("250 DSN\r\n") + 9).replace(/221 .*\r\n$/, "");
}

const envelope = (more = "") => `MAIL FROM:<a@example.net>${more}\r\nRCPT TO:<user@example.org>\r\n`;
const chunk = (octets: string, isLast = true) => `BDAT ${octets.length}${isLast ? " LAST" : ""}\r\n${octets}`;

describe("the kind of body that is kept", () => {
  it.each([
    ["binary content", "Subject: x\r\n\r\n\0\n", "binarymime"],
    ["text that was announced as binary", "Subject: x\r\n\r\ntext\r\n", "8bitmime"],
  ])("of %s", async (_, content, body) => {
    server.accepted.length = 0;
    await session(server, envelope(" BODY=BINARYMIME") + chunk(content));
    expect(server.accepted.map((accepted) => accepted.envelope.body)).toEqual([body]);
    expect(server.accepted[0]?.text.endsWith(content)).toBe(true);
  });
});

describe("chunks and policies", () => {
  it("asks the hook `data` at the first chunk, and once; its refusal fails the transaction", async () => {
    asked.length = 0;
    const said = await session(
      picky,
      envelope() + chunk("a\r\n", false) + chunk("b\r\n", false) + chunk("RSET\r\n") + envelope(),
    );
    expect(said).toBe(
      [
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "550 5.7.1 Nothing today",
        "554 5.5.1 Discarded behind a refused chunk",
        "554 5.5.1 Discarded behind a refused chunk",
        // The last chunk was there: the next transaction needs no RSET.
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "",
      ].join("\r\n"),
    );
    expect(asked).toEqual(["a@example.net"]);
    expect(picky.opened).toBe(0);
  });

  it("lets a client that gave up begin anew by MAIL", async () => {
    const said = await session(picky, envelope() + chunk("a\r\n", false) + envelope());
    expect(said).toMatch(/550 5\.7\.1 Nothing today\r\n250 2\.1\.0 Ok\r\n250 2\.1\.5 Ok\r\n$/);
  });

  it.each([
    ["full at once", "452 4.3.1"],
    ["full", "452 4.3.1"],
    ["broken", "451 4.3.0"],
  ] as const)("says so when the spool is %s, and keeps later chunks temporary failures", async (fault, expected) => {
    server.spoolFault = fault;
    const said = await session(server, envelope() + chunk(`${"x".repeat(3000)}\r\n`, false) + chunk("y\r\n"));
    server.spoolFault = "none";
    const [, , first = "", second = ""] = said.split("\r\n");
    expect(first.startsWith(expected)).toBe(true);
    expect(second).toBe("451 4.5.1 Discarded behind a refused chunk");
  });

  it("refuses a message too large by its chunks, once, and reads what follows", async () => {
    const small = await smtpTestServer({ plugins: [fixture], config: { limits: { messageSizeBytes: 1000 } } });
    const said = await session(
      small,
      envelope() + chunk("x".repeat(900), false) + chunk("NOOP\r\n".repeat(20), false) + chunk("z"),
    );
    await small.close();
    expect(said.split("\r\n").slice(2, -1)).toEqual([
      "250 2.0.0 900 octets received",
      "552 5.3.4 Message exceeds the size limit",
      "554 5.5.1 Discarded behind a refused chunk",
    ]);
    expect(small.aborted).toBe(1);
  });

  it("takes a message of just the size it announces, in many chunks", async () => {
    const small = await smtpTestServer({ plugins: [fixture], config: { limits: { messageSizeBytes: 1000 } } });
    const said = await session(small, envelope() + chunk("x".repeat(500), false).repeat(2) + chunk(""));
    await small.close();
    expect(said).toMatch(/250 2\.0\.0 Ok: queued as \S+\r\n$/);
  });

  it("gathers chunks of one octet in few pieces", async () => {
    const before = server.pieces;
    const text = `Subject: x\r\n\r\n${"0123456789\r\n".repeat(20)}`;
    const octets = [...text].map((octet) => chunk(octet, false)).join("");
    expect(await session(server, envelope() + octets + chunk(""))).toMatch(/queued as/);
    expect(server.pieces - before).toBe(1);
    expect(server.accepted.at(-1)?.text.endsWith(text)).toBe(true);
  });

  it("drops what has come when the client leaves between chunks", async () => {
    const before = server.aborted;
    const client = new MemoryClient(server.serve);
    await client.until(/^220 /);
    client.send(`EHLO x.example\r\n${envelope()}${chunk("x", false)}`);
    await client.until(/250 2\.0\.0 1 octets received/);
    client.destroy();
    await client.closed();
    expect(server.aborted - before).toBe(1);
  });
});

describe("a chunk that was refused is missing", () => {
  it.each([
    ["it was no chunk that we know", `${envelope()}BDAT 5 NEXT\r\nfirst`, "501 5.5.4 Syntax: BDAT size [LAST]"],
    [
      "it was the second one",
      `${envelope()}${chunk("Subject: x\r\n", false)}BDAT 5 NEXT\r\nfirst`,
      "501 5.5.4 Syntax: BDAT size [LAST]",
    ],
    [
      "there were no recipients yet",
      `MAIL FROM:<a@example.net>\r\n${chunk("first", false)}RCPT TO:<user@example.org>\r\n`,
      "503 5.5.1 Need RCPT first",
    ],
    [
      "there were no good recipients yet",
      `MAIL FROM:<a@example.net>\r\nRCPT TO:<nobody@example.org>\r\n${chunk("first", false)}RCPT TO:<user@example.org>\r\n`,
      "554 5.5.1 No valid recipients",
    ],
  ])("so nothing is kept of the others: %s", async (_, beginning, refusal) => {
    server.accepted.length = 0;
    const said = await session(server, beginning + chunk("last\r\n") + envelope() + chunk("whole\r\n"));
    expect(said).toContain(`${refusal}\r\n`);
    expect(said).toContain("554 5.5.1 Discarded behind a refused chunk\r\n");
    expect(server.accepted.map(({ text }) => text.slice(-7))).toEqual(["whole\r\n"]);
  });
});
