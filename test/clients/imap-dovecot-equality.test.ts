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
  // A literal8 stands for the same octets.
  const literal = /~?\{(\d+)\}\r\n/.exec(response);
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
  "BODY.PEEK[1.2]",
  "BODY.PEEK[1.2.MIME]",
  "BODY.PEEK[1.1.MIME]",
  "BODY.PEEK[2.1.MIME]",
  "BODY.PEEK[2.2]",
  "BODY.PEEK[1.2.HEADER]",
  "BODY.PEEK[3]",
  "BODY.PEEK[3.MIME]",
  "BODY.PEEK[3.HEADER]",
  "BODY.PEEK[2.HEADER.FIELDS (From Subject)]",
  "BODY.PEEK[3.HEADER.FIELDS.NOT (From)]",
  "BODY.PEEK[1]<3.7>",
  "BODY.PEEK[TEXT]<0.5>",
  "BODY.PEEK[1]<1000000.7>",
  "RFC822.HEADER",
  "RFC822.TEXT",
  "BINARY.PEEK[1]",
  "BINARY.PEEK[2]",
  "BINARY.PEEK[1.1]",
  "BINARY.PEEK[2]<2.5>",
  "BINARY.SIZE[1]",
  "BINARY.SIZE[2]",
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
        const responses = await client.command(`FETCH ${number} (${item})`);
        // Dovecot says NO to BINARY of a part that does not exist.
        const isAnswered = responses.at(-1)?.startsWith("OK") || item.startsWith("BINARY");
        if (!isAnswered) throw new Error(`${item}: ${responses.at(-1)}`);
        answer.push(normal(responses.find((line) => line.includes(" FETCH ")) ?? ""));
      }
      answers.push(answer);
    }
    // RFC 9051 6.4.5: BINARY is for leaves. Dovecot decodes leaves of what has parts, and says NO to others; we send those as they are.
    for (const [index, item] of items.entries()) {
      const path = /^BINARY[^[]*\[([\d.]+)\]/.exec(item)?.[1];
      if (path === undefined) continue;
      const [inside] = await ours.ok(`FETCH ${number} (BODY.PEEK[${path}.1])`);
      // Nor does it count anything in a message of which one part is damaged (rfc-000).
      if (!inside?.endsWith("NIL)") || !answers[0]?.[index]?.includes("binary"))
        for (const answer of answers) answer[index] = "";
    }
    // Of parts that do not exist Dovecot sends others, or nothing; we say so.
    const isThere = (index: number) => !/\] nil\)$|<\d+> nil\)$|\.size\[[\d.]+\] 0\)$/.test(answers[1]?.[index] ?? "");
    expect(answers[1]?.filter((_, index) => isThere(index))).toEqual(answers[0]?.filter((_, index) => isThere(index)));
  });
});
