import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { runSendmail as run } from "../testing/sendmail.ts";

const session = (...lines: readonly string[]) => lines.map((line) => `${line}\r\n`).join("");

it("speaks SMTP: pipelined, several messages, refusals in between", async () => {
  const ran = await run(["-bs"], {
    input: session(
      "EHLO me",
      "MAIL FROM:<x@example.net> RET=HDRS ENVID=e1 BODY=8BITMIME",
      "RCPT TO:<ann@example.net> NOTIFY=SUCCESS ORCPT=rfc822;other@example.net",
      "RCPT TO:<not an address>",
      "DATA",
      "Subject: one",
      "",
      "..dot",
      ".",
      "MAIL FROM:<>",
      "RCPT TO:<ben>",
      "DATA",
      "Subject: two",
      "",
      ".",
      "RCPT TO:<nobody>",
      "QUIT",
    ),
  });
  expect(ran.exitCode).toBe(0);
  expect(
    ran.out
      .split("\r\n")
      .map((line) => line.slice(0, 4))
      .filter((code) => !code.startsWith("250-")),
  ).toEqual([
    "220 ",
    "250 ",
    "250 ",
    "250 ",
    "501 ",
    "354 ",
    "250 ",
    "250 ",
    "250 ",
    "354 ",
    "250 ",
    "503 ",
    "221 ",
    "",
  ]);
  const [one, two] = [...ran.left].sort((a, b) => (a.text < b.text ? -1 : 1));
  expect(one?.text).toBe("Subject: one\r\n\r\n.dot\r\n");
  expect(one?.envelope).toMatchObject({
    ...{ sender: "x@example.net", ret: "hdrs", envid: "e1", body: "8bitmime" },
    recipients: [
      { address: "ann@example.net", notify: ["success"], orcpt: { type: "rfc822", address: "other@example.net" } },
    ],
  });
  expect(two?.envelope).toMatchObject({ sender: null, recipients: [{ address: "ben" }] });
});

it("leaves nothing of an SMTP message that is not whole, or too large", async () => {
  const begun = session(
    "EHLO me",
    "MAIL FROM:<x@example.net>",
    "RCPT TO:<ann@example.net>",
    "DATA",
    "Subject: one",
    "",
    "half",
  );
  const broken = await run(["-bs"], { input: begun });
  expect(broken.left).toEqual([]);
  const large = await run(["-bs"], {
    input: `${begun}${session("x".repeat(900), "x".repeat(900), ".", "QUIT")}`,
    facts: { messageSizeBytes: 1000 },
  });
  expect(large.out).toMatch(/^552 5\.3\.4 /m);
  expect(large.left).toEqual([]);
});

it("says that its maildrop cannot be written in a session, with a reply that lets the client try again", async () => {
  const ran = await run(["-bs"], {
    input: session("EHLO me", "MAIL FROM:<x@example.net>", "RCPT TO:<ann@example.net>", "DATA", "QUIT"),
    facts: { maildrop: "/nonexistent/new" },
  });
  expect(ran.out).toMatch(/^451 4\.3\.0 /m);
});

it("says that a session broke off, and keeps nothing of the message under way", async () => {
  async function* failing() {
    yield Buffer.from(session("EHLO me", "MAIL FROM:<x@example.net>", "RCPT TO:<ann@example.net>", "DATA", "half"));
    throw Object.assign(new Error("read EIO"), { code: "EIO" });
  }
  const ran = await run(["-bs"], { input: Readable.from(failing()) });
  expect(ran).toMatchObject({ exitCode: 74, err: "sendmail: the session broke off: read EIO\n", left: [] });
  // One that stops speaking has had its replies.
  expect(await run(["-bs"], { input: session("EHLO me") })).toMatchObject({ exitCode: 0, err: "" });
});
