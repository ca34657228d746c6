/** What of a message is read for what is asked. */
import { Readable } from "node:stream";
import { gistOf, parseStructure, surveyMessage } from "postern/mail";
import type { Mailbox, MessageEntry } from "postern/plugin";
import { expect, it } from "vitest";
import { CommandParser } from "../wire/command-parser.ts";
import { parseFetchItems } from "./fetch-item.ts";
import { MessageSource, needsOf } from "./message-source.ts";

const entry = (sizeBytes: number) => ({ uid: 1, sizeBytes }) as unknown as MessageEntry;

/** A mailbox with one message, that notes what it is asked; `isSlow`: nothing is known at once. */
function mailboxWith(octets: Buffer, isSlow = false) {
  const asked: string[] = [];
  const answer = <T>(what: string, value: T): T | Promise<T> => {
    asked.push(what);
    return isSlow ? Promise.resolve(value) : value;
  };
  const survey = surveyMessage(octets);
  const mailbox = {
    bytes: (_: number, limit: number) => answer("bytes", octets.length <= limit ? octets : null),
    structure: () => answer("structure", survey.structure),
    overview: () => answer("overview", survey.overview),
    gist: () => answer("gist", gistOf(octets, survey, 0)),
    content: async (_: number, { start, length }: { start: number; length: number }) => {
      asked.push(`content ${start} ${length}`);
      return Readable.from([octets.subarray(start, start + length)]);
    },
  };
  return { source: new MessageSource(mailbox as unknown as Mailbox, entry(octets.length)), asked };
}

const itemsOf = (text: string) => parseFetchItems(new CommandParser([text]));
const small = Buffer.from("Subject: one\r\nTo: a@b\r\n\r\ntext\r\n");
const large = Buffer.concat([small, Buffer.alloc(600_000, "x\n")]);

async function fieldsOf(source: MessageSource): Promise<string> {
  const [item] = itemsOf("BODY.PEEK[HEADER.FIELDS (Subject)]");
  if (item?.item !== "section") throw new TypeError("no section");
  const octets = await source.section(item.section);
  return octets?.at === "memory" ? octets.bytes.toString("latin1") : "none";
}

it.each([false, true])("asks for the gist first, as that tells the others (slow: %s)", async (isSlow) => {
  const { source, asked } = mailboxWith(small, isSlow);
  const wait = source.load(needsOf(itemsOf("(BODYSTRUCTURE ENVELOPE EMAILID)")));
  expect(wait instanceof Promise).toBe(isSlow);
  await wait;
  expect(asked).toEqual(["gist", "overview", "structure"]);
  expect(source.overview.envelope.subject).toBe("one");
  expect(source.structure).toEqual(parseStructure(small));
  expect(source.gist.preview).toBe("text");
});

it("has the fields of a small message without waiting", async () => {
  const { source, asked } = mailboxWith(small);
  expect(source.load(needsOf(itemsOf("BODY.PEEK[HEADER.FIELDS (Subject)]")))).toBeUndefined();
  expect(await fieldsOf(source)).toBe("Subject: one\r\n\r\n");
  expect(asked).toEqual(["bytes"]);
});

it("reads the beginning of a large message for its header, and nothing else", async () => {
  const { source, asked } = mailboxWith(large);
  await source.load(needsOf(itemsOf("BODY.PEEK[HEADER.FIELDS (Subject)]")));
  expect(await fieldsOf(source)).toBe("Subject: one\r\n\r\n");
  expect(asked).toEqual(["content 0 65536"]);
});

it("reads more where the header is longer", async () => {
  const { source, asked } = mailboxWith(Buffer.concat([Buffer.from(`X: ${"y".repeat(100_000)}\r\n`), large]));
  await source.load(needsOf(itemsOf("BODY.PEEK[HEADER.FIELDS (Subject)]")));
  expect(await fieldsOf(source)).toBe("Subject: one\r\n\r\n");
  expect(asked).toEqual(["content 0 65536", "structure", "content 0 1048576"]);
});
