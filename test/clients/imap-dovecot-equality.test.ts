/** What we say of a message's structure and envelope, beside what Dovecot says of the same message. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ImapServer } from "../imap/imap-server.ts";
import { RawClient } from "../imap/raw-client.ts";
import { Dovecot } from "./dovecot.ts";
import { describeWith } from "./programs.ts";
import { wellFormed } from "./well-formed.ts";

const fixtures = new URL("../../core/mail/structure/fixtures/", import.meta.url);
const corpus = readdirSync(fixtures)
  // rfc-008 encodes a message/rfc822, which RFC 2046 5.2.1 forbids.
  .filter((name) => name.startsWith("rfc-") && name !== "rfc-008.eml")
  .map((name) => [name, readFileSync(new URL(name, fixtures)).toString("latin1")] as const);
const messages = [...corpus, ...Object.entries(wellFormed)].map(
  ([name, text]) => [name, Buffer.from(text.replace(/\r?\n/g, "\r\n"), "latin1")] as const,
);

/**
 * Types and encodings are compared without case: we keep them in lower case, Dovecot as they came. Which strings are sent
 * as literals is a matter of taste, and Dovecot leaves the blank of a folded Message-ID in.
 */
const normal = (response: string): string =>
  withoutLiterals(response)
    .replace(/^\* \d+ FETCH /, "")
    .replaceAll('" <', '"<')
    .toLowerCase();

function withoutLiterals(response: string): string {
  const literal = /\{(\d+)\}\r\n/.exec(response);
  if (!literal) return response;
  const start = literal.index + literal[0].length;
  const end = start + Number(literal[1]);
  const quoted = `"${response.slice(start, end).replace(/["\\]/g, "\\$&")}"`;
  return response.slice(0, literal.index) + quoted + withoutLiterals(response.slice(end));
}

const items = [
  "BODYSTRUCTURE",
  "BODY",
  "ENVELOPE",
  "RFC822.SIZE",
  "BODY.PEEK[HEADER]",
  "BODY.PEEK[TEXT]",
  "BODY.PEEK[1]",
  "BODY.PEEK[1.MIME]",
  "BODY.PEEK[2]",
  "BODY.PEEK[2.MIME]",
  "BODY.PEEK[1.1]",
  "BODY.PEEK[2.HEADER]",
  "BODY.PEEK[2.TEXT]",
  "BODY.PEEK[2.1]",
  "BODY.PEEK[HEADER.FIELDS (From Subject X-None)]",
  "BODY.PEEK[HEADER.FIELDS.NOT (From Subject)]",
  "BODY.PEEK[]<10.20>",
];

describeWith(["dovecot"], "beside Dovecot", () => {
  let dovecot: Dovecot;
  let postern: ImapServer;
  let theirs: RawClient;
  let ours: RawClient;
  beforeAll(async () => {
    [dovecot, postern] = await Promise.all([Dovecot.start(), ImapServer.start()]);
    [theirs, ours] = await Promise.all([RawClient.login(dovecot.port), RawClient.login(postern.port)]);
    for (const client of [theirs, ours]) {
      for (const [, message] of messages) await client.ok("APPEND INBOX", message);
      await client.ok("SELECT INBOX");
    }
  });
  afterAll(async () => {
    theirs?.destroy();
    ours?.destroy();
    await Promise.all([dovecot?.stop(), postern?.stop()]);
  });

  it.each(messages.map(([name], index) => [name, index + 1] as const))("%s", async (_name, number) => {
    const answers: string[][] = [];
    for (const client of [theirs, ours]) {
      const answer: string[] = [];
      for (const item of items) {
        const response = (await client.ok(`FETCH ${number} (${item})`)).find((line) => line.includes(" FETCH "));
        answer.push(normal(response ?? ""));
      }
      answers.push(answer);
    }
    // Of parts that do not exist Dovecot sends others, or nothing; we say so.
    const isThere = (index: number) => !answers[1]?.[index]?.endsWith("] nil)");
    expect(answers[1]?.filter((_, index) => isThere(index))).toEqual(answers[0]?.filter((_, index) => isThere(index)));
  });
});
