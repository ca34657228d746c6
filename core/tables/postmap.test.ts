/** The same files and keys, asked of Debian's `postmap -q` and of our tables. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how Postfix writes it
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Tables } from "../contracts/tables.ts";
import { silentLog } from "../testing/kernel.ts";
import { createTables } from "./tables.ts";

const POSTMAP = "/usr/sbin/postmap";
const MAP_TYPES = "/etc/postfix/dynamicmaps.cf";

let directory: string;
let tables: Tables;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-postmap-"));
  await writeFile(join(directory, "main.cf"), "compatibility_level = 3.6\n");
  if (existsSync(MAP_TYPES)) await copyFile(MAP_TYPES, join(directory, "dynamicmaps.cf"));
  tables = createTables({ configDir: directory, log: silentLog, clock: Date });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function postmap(spec: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Promise((resolve, refuse) => {
    const child = execFile(
      POSTMAP,
      ["-c", directory, "-q", "-", spec],
      { encoding: "utf8", cwd: directory },
      (error, stdout, stderr) => {
        if (error && (error.code !== 1 || /fatal/.test(stderr))) refuse(new Error(stderr));
        else resolve(new Map(stdout.split("\n").filter(Boolean).map(splitAnswer)));
      },
    );
    child.stdin?.end(`${keys.join("\n")}\n`);
  });
}

const splitAnswer = (line: string): readonly [string, string] => {
  const tab = line.indexOf("\t");
  return [line.slice(0, tab), line.slice(tab + 1)];
};

async function ours(spec: string, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const table = await tables.open(spec);
  const found = new Map<string, string>();
  for (const key of keys) {
    const value = await table.get(key);
    if (value !== null) found.set(key, value);
  }
  return found;
}

const sorted = (found: ReadonlyMap<string, string>) => [...found].sort(([one], [other]) => (one < other ? -1 : 1));

async function compare(spec: string, keys: readonly string[]): Promise<void> {
  const [theirs, mine] = await Promise.all([postmap(spec, keys), ours(spec, keys)]);
  expect(sorted(mine)).toEqual(sorted(theirs));
  // A comparison of nothing with nothing would prove nothing.
  expect(theirs.size).toBeGreaterThan(0);
}

async function file(name: string, content: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

const addresses = [
  "friend@example.org",
  "Friend@Example.ORG",
  "owner-list-outgoing@example.net",
  "list-outgoing@example.net",
  "noddy@my.domain",
  "a+b@example.org",
  "user@sub.example.org",
  "user@example.com",
  "x",
  "a@b",
  "@",
  "aXb",
  "12345",
  "abc123",
  "foo.bar",
  "foo/bar",
  "tab\there",
  "two words",
  "aa",
  "aaa",
  "aaaa",
  "abab",
  "abcabc",
  "ä",
  "ÄÖ",
  "$",
  "$1",
  "a$b",
  "(x)",
  "[x]",
  "{2}",
  "a{2}",
  "a-b",
  "a_b",
  "^a",
  "a|b",
  "a*",
  "a.b",
  "\\",
  "a\\b",
  "ends in space ",
  "UPPER",
  "lower",
  "Mixed",
  "192.0.2.1",
  "mail.example.org",
  "mail-exampleXorg",
  "viagra",
  "v1agra",
  "it's",
  '"quoted"@example.org',
  "<>",
  "postmaster",
];

describe.skipIf(!existsSync(POSTMAP))("as postmap answers", { timeout: 60_000 }, () => {
  it("texthash:", async () => {
    const path = await file(
      "texthash",
      [
        "# comment",
        "a b",
        "keyonly",
        "K1    v1   ",
        "    v2",
        "  # inner comment",
        "",
        "\t v3",
        "k2: colon",
        '"a b" quoted',
        "x\ty\tz",
        "q\\ r s",
        '"unterminated x',
        "\u00dc umlaut",
        "UPPER val",
        "A@B.C D",
        'e ""',
        "a second",
        "a:b c",
        "  ",
        "user@example.org one@example.org, two@example.org",
        "@example.net *",
        "last line without end",
      ].join("\n"),
    );
    await compare(`texthash:${path}`, [
      "a",
      "A",
      "keyonly",
      "k1",
      "K1",
      "k2",
      "k2:",
      '"a b"',
      "a b",
      "x",
      "q\\",
      "q\\ r",
      '"unterminated',
      "\u00fc",
      "\u00dc",
      "upper",
      "a@b.c",
      "e",
      "a:b",
      "user@example.org",
      "USER@EXAMPLE.ORG",
      "@example.net",
      "last",
      "",
      "nope",
      "v2",
    ]);
  });

  it.each([
    ["inline:{a=b {c = d e, f} K=v}", ["a", "A", "c", "k", "K", "d", ""]],
    ["inline:{ {k1 = v1 } { k2=v=2}, x=y, x=z }", ["k1", "k2", "x"]],
    ["static:hello world", ["a", "B c"]],
    ["static:{ hello world }", ["a"]],
    ["unionmap:{static:a, inline:{k=x}}", ["k", "z", "K"]],
    ["unionmap:{inline:{k=x}, inline:{j=y}, regexp:{{/^k/ R}}}", ["k", "j", "kk", "z"]],
    ["pipemap:{inline:{k=x m=Q} inline:{x=y q=r}}", ["k", "m", "x", "z"]],
    ["pipemap:{inline:{k=x},inline:{x=y}, static:c}", ["k", "z"]],
    ["cidr:{{10.0.0.0/8 ten} {0.0.0.0/0 all}}", ["10.1.1.1", "11.1.1.1", "::1"]],
    ["regexp:{{/(k)(.)/ $2-$1} {/./ z}}", ["kX", "KY", "q", ""]],
  ])("%s", (spec, keys) => compare(spec, keys));

  it("regexp:", async () => {
    const path = await file(
      "regexp",
      [
        "# comment",
        "/^friend@(.*)$/ sender $1",
        "/^(.*)-outgoing@(.*)$/ 550 Use ${1}@${2} instead",
        "/^noddy@my\\.domain$/",
        "  550 This user",
        "  is funny",
        "!/[a-z0-9]/ no letters",
        "if /@/",
        "/^[^@]+@sub\\./ sub",
        "if !/example/",
        "/^a@/ short a",
        "endif",
        "/\\+/ plus",
        "endif",
        "/^[[:digit:]]+$/ digits",
        "/^(a|ab)(c|bcd)*$/ [$1][$2]",
        "/^a{3}$/ three",
        "/^a{2,}$/ many $$",
        "/^(ab)\\1$/ twice $(1)",
        "/\\<two\\>/ word",
        "/^foo[./]bar$/ $x",
        "/^foo[.]bar$/ dot",
        "/^foo[\\/]bar$/ slash",
        "/^UPPER$/i upper only",
        "/^lower$/i lower only",
        "/^MIXED$/ mixed",
        "/(/ broken",
        "/a/q broken flag",
        "/unclosed",
        "/ok/$1 glued",
        "#hash#",
        "|^a\\|b$| pipe",
        "/^\\(x\\)$/x basic",
        "/^[]x[]+$/ brackets",
        "/^a\\$b$/ dollar",
        "/^[\\]$/ backslash",
        "/^\\\\$/ backslash too",
        "/^a[-_]b$/ $$1",
        "/^(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)@/ ten ${10}",
        "/^\\^a$/ caret",
        "/^a\\*$/ star",
        "/v[i1]agra/ spam",
        "/^it's$/ its",
        "/^ä$/ umlaut",
        "/^<>$/ null",
        "/ends in space $/ trailing",
        "endif",
        "/^x$/ x  with   blanks  ",
        "/^mail.example.org$/ any dot",
        "if /^postmaster/",
        "/master$/ pm",
      ].join("\n"),
    );
    await compare(`regexp:${path}`, addresses);
  });

  it.skipIf(!existsSync(MAP_TYPES))("pcre:", async () => {
    const path = await file(
      "pcre",
      [
        "/^(?!owner-)(.*)-outgoing@(.*)/ 550 Use ${1}@${2} instead",
        "/^(friend@(?!my\\.domain$).*)$/  550 Stick $1",
        "/^noddy@my\\.domain$/",
        " 550 This user",
        "!/[a-z0-9\\W]/s never",
        "if /@/",
        "/(?<=user@)(\\w+)\\.example/ behind $1",
        "if !/example/",
        "/^a@/ short a",
        "endif",
        "/\\+/ plus",
        "endif",
        "/^\\d+$/ digits",
        "/^([a-z]+)\\d{2,}$/ letters $1",
        "/^(ab|abc)\\1$/ twice $(1)",
        "/^(?>a+)a$/ never",
        "/^a++$/ many",
        "/^\\Qfoo.bar\\E$/ quoted",
        "/^foo[.\\/]bar$/ slash",
        "/^UPPER$/i upper only",
        "/^lower$/i lower only",
        "/^(?-i)Mixed$/ mixed",
        "/^ t w o \\s words $/x extended",
        "/(/ broken",
        "/a/q broken flag",
        "/^a_b$/ $5",
        "/^a-b$/ ${1x}",
        "/^(?<name>\\$)$/ dollar $1",
        "/^(.+?)\\$/U lazy [$1]",
        "/it/A anchored",
        "/^[[:punct:]]x[[:^alpha:]]$/ posix",
        "/^\\{2\\}$/ braces",
        "/^a{2}$/ two",
        "/^\\x5eA$/ hex",
        "/^a\\x{2a}$/ star",
        "/\\bwords\\b/ word",
        "/^ä$/ umlaut",
        "/^ÄÖ$/ umlauts",
        "/^(a)?x$/ [$1]",
        "/^\\p{Lu}+$/ property",
        "/^v(?:i|1)agra$/ spam",
        "/^(?i:LIST)/ list",
        "/^(?#comment)<>$/ null",
        "/ends in space\\s$/ trailing",
        "if /^post/",
        "/(master)$/ $1",
        "/./ other",
        "endif",
        "endif",
      ].join("\n"),
    );
    await compare(`pcre:${path}`, addresses);
  });

  it("cidr:", async () => {
    const path = await file(
      "cidr",
      [
        "10.0.0.1 single",
        "10.0.0.0/8 ten",
        "192.0.2.1/24 bad bits",
        "2001:db8::/32 six",
        "[2001:db9::]/32 bracket",
        "if 172.16.0.0/12",
        "172.16.1.0/24 one",
        "!172.17.0.0/16 not seventeen",
        "endif",
        "if !10.0.0.0/8",
        "if !192.168.0.0/16",
        "11.0.0.0/8 eleven",
        "endif",
        "ENDIF",
        "1.2.3 short",
        "1.2.3.4/33 over",
        "1.2.3.4",
        "010.0.0.1 octal",
        "::ffff:9.9.9.9 mapped",
        "!203.0.113.0/24 not documentation",
        "::1 loop",
        "::/0 all six",
        "203.0.113.7 exact",
        "0.0.0.0/0 all four",
      ].join("\n"),
    );
    await compare(`cidr:${path}`, [
      "10.0.0.1",
      "10.2.3.4",
      "11.1.1.1",
      "192.0.2.1",
      "2001:db8::5",
      "2001:DB8::5",
      "2001:db9::1",
      "172.16.1.4",
      "172.16.2.4",
      "172.17.0.1",
      "::ffff:10.0.0.1",
      "::ffff:9.9.9.9",
      "9.9.9.9",
      "nope",
      "10.0.0",
      "",
      "203.0.113.7",
      "203.0.113.8",
      "::1",
      "fe80::1",
      "1.2.3.4",
      "255.255.255.255",
      "192.168.1.1",
      "256.1.1.1",
      "1.2.3.4.5",
    ]);
  });
});
