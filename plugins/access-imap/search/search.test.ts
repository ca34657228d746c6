import fc from "fast-check";
import { foldText, parseStructure, surveyMessage } from "postern/mail";
import type { FullTextMailbox, Mailbox, MessageEntry, Snapshot } from "postern/plugin";
import { describe, expect, it } from "vitest";
import { Pace } from "../pace.ts";
import { Selected } from "../selected.ts";
import { CommandParser } from "../wire/command-parser.ts";
import { pick } from "../wire/partial-range.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { extentOf } from "./answer.ts";
import { undeclared } from "./charset.ts";
import { gather } from "./gather.ts";
import { parseSearchKeys } from "./parse-keys.ts";
import { probeOf, RawFilter } from "./raw-filter.ts";
import { parseReturnOptions } from "./return-options.ts";
import { Search } from "./search.ts";

/** A message, and what everybody knows to be in it. */
interface Sample {
  readonly subject: string;
  readonly from: string;
  readonly body: string;
  readonly encoding: "7bit" | "8bit" | "base64" | "quoted-printable";
  readonly flags: readonly string[];
  readonly day: number;
}

const words = ["apple", "Straße", "Pear", "ΟΔΟΣ", "x-y", "Café", "=?no", "plum tree", "Ünlü"];
const sample: fc.Arbitrary<Sample> = fc.record({
  subject: fc.constantFrom(...words),
  from: fc.constantFrom("ann", "bob", "Carol"),
  body: fc.array(fc.constantFrom(...words, "\r\n"), { maxLength: 12 }).map((list) => list.join(" ")),
  encoding: fc.constantFrom("7bit", "8bit", "base64", "quoted-printable"),
  flags: fc.subarray(["\\Seen", "\\Flagged", "work"]),
  day: fc.integer({ min: 1, max: 28 }),
});

function render({ subject, from, body, encoding }: Sample): Buffer {
  const bytes = Buffer.from(body, "utf8");
  const isAscii = bytes.every((octet) => octet < 128);
  const used = encoding === "7bit" && !isAscii ? "8bit" : encoding;
  const encoded =
    used === "base64"
      ? bytes.toString("base64").replace(/.{20}/g, "$&\r\n")
      : used === "quoted-printable"
        ? bytes
            .toString("latin1")
            .replace(/[^\r\n -<>-~]/g, hex)
            .replace(/([^\r\n]{30})(?=[^\r\n=])(?<!=.?)/g, "$1=\r\n")
        : bytes.toString("latin1");
  const header = [
    `From: ${from}@example.org`,
    `Subject: =?utf-8?b?${Buffer.from(subject, "utf8").toString("base64")}?=`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Transfer-Encoding: ${used}`,
  ];
  return Buffer.from(`${header.join("\r\n")}\r\n\r\n${encoded}`, "latin1");
}

const hex = (octet: string) => `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** As much of a mailbox as a search uses. */
function mailboxOf(samples: readonly Sample[]): { mailbox: Mailbox; entries: MessageEntry[] } {
  const contents = samples.map(render);
  const entries = samples.map(
    ({ flags, day }, at): MessageEntry => ({
      uid: 10 + 2 * at,
      flags: new Set(flags),
      modseq: at + 1,
      internalDate: Date.UTC(2020, 0, day, 12),
      sizeBytes: contents[at]?.length ?? 0,
      saveDate: null,
    }),
  );
  const snapshot: Snapshot = {
    uidNext: 10 + 2 * samples.length,
    highestModseq: samples.length,
    size: samples.length,
    at: (index) => entries[index] as MessageEntry,
    indexOf: (uid) => entries.filter((entry) => entry.uid < uid).length,
  };
  const bytesOf = (uid: number): Buffer => contents[(uid - 10) / 2] as Buffer;
  const mailbox = {
    ...{ name: "INBOX", keywords: [], recent: new Set<number>(), snapshot },
    onChange: () => () => undefined,
    bytes: async (uid: number) => bytesOf(uid),
    structure: async (uid: number) => parseStructure(bytesOf(uid)),
    overview: (uid: number) => {
      const { overview } = surveyMessage(bytesOf(uid));
      // Known or not yet: both happen.
      return uid % 4 === 0 ? overview : Promise.resolve(overview);
    },
  };
  return { mailbox: mailbox as unknown as Mailbox, entries };
}

/** A key as sent, and what it means. */
interface Query {
  readonly text: string;
  readonly fits: (sample: Sample, number: number) => boolean;
}

const has = (haystack: string, needle: string): boolean => foldText(haystack).includes(foldText(needle));
const literal = (text: string): string => `"${Buffer.from(text, "utf8").toString("latin1")}"`;
const textOf = (sample: Sample): string =>
  `From: ${sample.from}@example.org\nSubject: ${sample.subject}\nContent-Type: text/plain; charset=utf-8\n`;

const needle = fc.oneof(
  fc.constantFrom("APPLE", "strasse", "e p", "οδος", "plum", "cafe", "tree", "zebra", "-y", "ünlü", "subject: pear"),
  fc.constantFrom(...words),
);
const leaf: fc.Arbitrary<Query> = fc.oneof(
  fc.constantFrom<Query>(
    { text: "ALL", fits: () => true },
    { text: "SEEN", fits: ({ flags }) => flags.includes("\\Seen") },
    { text: "UNFLAGGED", fits: ({ flags }) => !flags.includes("\\Flagged") },
    { text: "KEYWORD WORK", fits: ({ flags }) => flags.includes("work") },
    { text: "2:3", fits: (_, number) => number === 2 || number === 3 },
    { text: "UID 12:*", fits: (_, number) => number > 1 },
    { text: "MODSEQ 3", fits: (_, number) => number >= 3 },
  ),
  fc
    .integer({ min: 1, max: 28 })
    .map((day) => ({ text: `SINCE ${day}-Jan-2020`, fits: (each: Sample) => each.day >= day })),
  needle.map((word) => ({ text: `SUBJECT ${literal(word)}`, fits: (each: Sample) => has(each.subject, word) })),
  fc
    .constantFrom("ann", "BO", "carol@")
    .map((who) => ({ text: `FROM ${who}`, fits: (each: Sample) => has(`${each.from}@`, who) })),
  needle.map((word) => ({ text: `BODY ${literal(word)}`, fits: (each: Sample) => has(each.body, word) })),
  needle.map((word) => ({
    text: `TEXT ${literal(word)}`,
    fits: (each: Sample) => has(each.body, word) || has(textOf(each), word),
  })),
);
const query = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    tie("query").map(({ text, fits }) => ({
      text: `NOT ${text}`,
      fits: (each: Sample, at: number) => !fits(each, at),
    })),
    fc.tuple(tie("query"), tie("query")).map(([a, b]) => ({
      text: `OR ${a.text} ${b.text}`,
      fits: (each: Sample, at: number) => a.fits(each, at) || b.fits(each, at),
    })),
    fc.tuple(tie("query"), tie("query")).map(([a, b]) => ({
      text: `(${a.text} ${b.text})`,
      fits: (each: Sample, at: number) => a.fits(each, at) && b.fits(each, at),
    })),
  ),
})).query;

const parse = (text: string) => parseSearchKeys(new CommandParser([text]), undeclared);
const alive = new AbortController().signal;

function searchIn(samples: readonly Sample[], text: string, fullText?: FullTextMailbox): Search {
  const selected = new Selected(mailboxOf(samples).mailbox, new Set());
  return new Search(selected, parse(text), { pace: new Pace(alive), now: Date.UTC(2020, 1, 1), fullText });
}

/** An index that rules out whatever it may. */
const sharpIndex = (samples: readonly Sample[]): FullTextMailbox => ({
  ruleOut: async (queries) =>
    queries.map(({ needle: folded }) => ({
      has: (uid: number) => {
        const each = samples[(uid - 10) / 2] as Sample;
        return (
          !foldText(render(each).toString("latin1")).includes(folded) && !has(`${textOf(each)}${each.body}`, folded)
        );
      },
    })),
  close: () => undefined,
});

describe("searching", () => {
  const samples = fc.array(sample, { minLength: 3, maxLength: 6 });

  it("finds what a look at every message would find, with and without an index", async () => {
    await fc.assert(
      fc.asyncProperty(samples, query, fc.boolean(), async (all, { text, fits }, isIndexed) => {
        const expected = all.flatMap((each, at) => (fits(each, at + 1) ? [at + 1] : []));
        const search = searchIn(all, text, isIndexed ? sharpIndex(all) : undefined);
        const { hits, isComplete } = await gather(search, { at: "everything" });
        expect({ text, found: hits.map(({ number }) => number) }).toEqual({ text, found: expected });
        expect(isComplete).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("stops early with the same answer", async () => {
    const options = fc.constantFrom(
      "(MIN)",
      "(MAX)",
      "(MIN MAX)",
      "(PARTIAL 1:2)",
      "(PARTIAL -1:-2)",
      "(PARTIAL 2:3 MAX)",
    );
    await fc.assert(
      fc.asyncProperty(samples, query, options, async (all, { text, fits }, asked) => {
        const parsed = parseReturnOptions(new CommandParser([`RETURN ${asked} `]));
        const expected = all.flatMap((each, at) => (fits(each, at + 1) ? [at + 1] : []));
        const { hits } = await gather(searchIn(all, text), extentOf(parsed));
        const found = hits.map(({ number }) => number);
        if (parsed?.min) expect(found[0]).toBe(expected[0]);
        if (parsed?.max) expect(found.at(-1)).toBe(expected.at(-1));
        if (parsed?.partial) expect(pick(found, parsed.partial)).toEqual(pick(expected, parsed.partial));
      }),
      { numRuns: 150 },
    );
  });

  it("reads nothing where nothing needs to be read", async () => {
    const all: Sample[] = [{ subject: "a", from: "ann", body: "b", encoding: "7bit", flags: [], day: 1 }];
    const { mailbox } = mailboxOf(all);
    const sealed = { ...mailbox, bytes: () => Promise.reject(new Error("read")) } as unknown as Mailbox;
    const search = (text: string) =>
      gather(new Search(new Selected(sealed, new Set()), parse(text), { pace: new Pace(alive), now: 0 }), {
        at: "everything",
      });
    expect((await search("SEEN TEXT a")).hits).toEqual([]);
    expect((await search("OR TEXT a UNSEEN")).hits).toHaveLength(1);
    expect((await search("TEXT zzz SUBJECT nothing")).hits).toEqual([]);
    expect((await search('TEXT ""')).hits).toHaveLength(1);
    await expect(search("TEXT a")).rejects.toThrow("read");
  });
});

describe("the filter over raw octets", () => {
  const message = (header: string, body: string) => Buffer.from(`${header}\r\n\r\n${body}\r\n`, "latin1");
  it.each([
    ["plain ASCII", message("Subject: a", "some text"), true],
    [
      "ASCII that says so",
      message("Content-Transfer-Encoding: 7bit\r\nContent-Type: text/plain; charset=utf-8", "x"),
      true,
    ],
    ["the needle itself", message("Subject: NEEDLE", "x"), false],
    ["an encoded word", message("Subject: =?utf-8?q?needl=65?=", "x"), false],
    ["base64", message("Content-Transfer-Encoding: base64", "bmVlZGxl"), false],
    ["a comment before the encoding", message("Content-Transfer-Encoding: (x) base64", "bmVlZGxl"), false],
    ["UTF-16", message('Content-Type: text/plain; charset="utf-16"', "x"), false],
    ["ISO-2022-JP", message("Subject: a", "\x1b$B"), false],
    ["octets above 127", message("Subject: a", "ne\xe9dle"), false],
  ])("%s", (_, octets, isRuledOut) => {
    expect(new RawFilter(octets).rulesOut("needle")).toBe(isRuledOut);
  });

  it.each([
    ["hello world", "hello"],
    ["subject: foo", "subject"],
    ["a b", "a"],
    [" : ", null],
    ["käse", null],
  ])("looks for a part of %j that stays together", (whole, probe) => {
    expect(probeOf(whole)).toBe(probe);
  });
});

describe("keys", () => {
  it.each([
    ["deep NOT", `${"NOT ".repeat(60)}ALL`],
    ["deep parentheses", `${"(".repeat(60)}ALL${")".repeat(60)}`],
    ["deep FUZZY", `${"FUZZY ".repeat(60)}ALL`],
    ["too many", "ALL ".repeat(1200)],
    ["an empty list", "()"],
    ["OLDER 0", "OLDER 0"],
    ["an object id that is none", "EMAILID a*b"],
    ["an entry that is none", 'MODSEQ "/comment" all 1'],
    ["an entry type that is none", 'MODSEQ "/flags/\\\\Seen" some 1'],
  ])("refuses %s", (_, text) => {
    expect(() => parse(text)).toThrow(SyntaxFault);
  });

  it("keeps FUZZY within FUZZY from growing", () => {
    const text = `${"FUZZY (NOT ".repeat(12)}TEXT "a b c d"${")".repeat(12)}`;
    expect(JSON.stringify(parse(text)).length).toBeLessThan(10_000);
  });
});
