/** POP3 as transcripts: whole sessions, and every verb in every state. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { runTranscript } from "../../core/testing/transcript.ts";
import { commands } from "../../plugins/access-pop3/commands/index.ts";
import { type Pop3Server, startPop3 } from "./pop3-server.ts";

const transcripts = fileURLToPath(new URL("../../plugins/access-pop3/transcripts/", import.meta.url));
const transcript = (name: string): string => join(transcripts, `${name}.pop3`);
const message = (text: string) => ({ content: [Buffer.from(text)] });

let server: Pop3Server | null = null;
async function start(...options: Parameters<typeof startPop3>): Promise<Pop3Server> {
  server = await startPop3(...options);
  return server;
}
afterEach(async () => {
  await server?.stop();
  server = null;
});

describe("sessions", () => {
  it("serves a whole session", async () => {
    const { ports, mailboxesOf } = await start();
    const mail = await mailboxesOf("ann");
    await mail.append("INBOX", [
      message("Subject: one\r\n\r\n.\r\n.dot\r\ntext.\r\n..\r\n"),
      message("Subject: two\r\nX-Folded: a\r\n b\r\n\r\nline 1\r\nline 2\r\n"),
      message("Subject: three\r\n\r\nno line end"),
    ]);
    await runTranscript(transcript("session"), { port: ports.optional });
  });

  it("answers mistakes and ends after too many", async () => {
    const { ports } = await start();
    await runTranscript(transcript("mistakes"), { port: ports.optional });
  });

  it("knows SASL", async () => {
    const { ports } = await start({ maxMistakes: 20 });
    await runTranscript(transcript("auth"), { port: ports.optional });
  });

  it("gives the maildrop to one session at a time", async () => {
    const { ports, mailboxesOf } = await start();
    await (await mailboxesOf("bob")).deliver("INBOX", message("Subject: x\r\n\r\n"));
    await runTranscript(transcript("in-use"), { port: ports.optional });
  });

  it("gives it to several where the administrator wants that, and to no more", async () => {
    const { ports, mailboxesOf } = await start({ maildrop: "snapshot" });
    const mail = await mailboxesOf("bob");
    await mail.append("INBOX", [message("Subject: x\r\n\r\n"), message("Subject: y\r\n\r\n")]);
    await runTranscript(transcript("snapshot"), { port: ports.optional });
  });

  it("removes at QUIT what was fetched where mail expires at once", async () => {
    const { ports, mailboxesOf } = await start({ expire: 0 });
    const mail = await mailboxesOf("ann");
    await mail.append(
      "INBOX",
      ["one", "two", "three"].map((subject) => message(`Subject: ${subject}\r\n\r\ntext\r\n`)),
    );
    await runTranscript(transcript("expire"), { port: ports.optional });
  });

  it("starts TLS, and asks for it where it is required", async () => {
    const { ports } = await start();
    await runTranscript(transcript("stls"), { port: ports.required });
  });

  it("answers pipelined commands in order, in clear and under implicit TLS", async () => {
    const { ports } = await start();
    await runTranscript(transcript("pipelining"), { port: ports.optional });
    await runTranscript(transcript("pipelining"), { port: ports.implicit, implicitTls: true });
  });

  it("speaks the client's language, and takes names and passwords in UTF-8", async () => {
    const { ports } = await start();
    await runTranscript(transcript("language"), { port: ports.optional });
  });
});

describe("every verb", () => {
  const verbs = [...commands.keys()].toSorted();

  it.each([
    ["in-authorization", verbs.filter((verb) => verb !== "STLS")],
    ["in-transaction", verbs],
    ["after-quit", verbs],
  ])("%s", async (name, expected) => {
    const text = readFileSync(transcript(`verbs-${name}`), "utf8");
    for (const verb of expected) expect(text, verb).toMatch(new RegExp(`(?:: |\\\\n)${verb}\\b`));
    const { ports, mailboxesOf } = await start({ maxMistakes: 100 });
    if (name === "in-transaction") {
      await (await mailboxesOf("ann")).deliver("INBOX", message("Subject: one\r\n\r\ntext\r\n"));
    }
    await runTranscript(transcript(`verbs-${name}`), { port: ports.optional });
  });

  it("is a response while a SASL exchange is on", async () => {
    const { ports } = await start({ maxMistakes: 100 });
    await runTranscript(transcript("verbs-in-sasl"), { port: ports.optional });
  });
});
