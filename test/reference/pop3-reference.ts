/** The page `docs/reference/pop3.md`: verbs from the table that the plugin obeys, standards from what its code cites. */
import { readdirSync, readFileSync } from "node:fs";
import { commands } from "../../plugins/access-pop3/commands/index.ts";
import { languages } from "../../plugins/access-pop3/texts/languages.ts";

const plugin = new URL("../../plugins/access-pop3/", import.meta.url);

/** What is done, and what CAPA says of it. */
const standards: Readonly<Record<string, readonly [text: string, capabilities?: readonly string[]]>> = {
  "RFC 1460": ["its LAST is refused: RFC 1939 has taken it back"],
  "RFC 1939": [
    "POP3 in full but for APOP, which is refused: it would need passwords in clear on the server, and its use of MD5 is broken",
    ["TOP", "UIDL", "USER"],
  ],
  "RFC 2277": ["without LANG, replies are in English and ASCII (`i-default`)"],
  "RFC 2449": [
    "CAPA in both states; pipelined commands are answered in one write; lines of at most 255 octets, replies of 512; response codes",
    ["RESP-CODES", "PIPELINING", "EXPIRE", "LOGIN-DELAY", "IMPLEMENTATION"],
  ],
  "RFC 2595": ["STLS; what came in clear behind it is thrown away, what was learned in clear is forgotten", ["STLS"]],
  "RFC 3206": ["`[AUTH]`, `[SYS/TEMP]` and `[SYS/PERM]`, for logins and for all else", ["AUTH-RESP-CODE"]],
  "RFC 4647": ["LANG takes a range; a narrower one than there is finds the nearest"],
  "RFC 4954": ["the bound of a SASL response: 12,288 octets"],
  "RFC 5034": ["AUTH with and without an initial response, `=` and `*`; every mechanism of the server", ["SASL"]],
  "RFC 5646": ["the tags of LANG"],
  "RFC 6532": [
    "headers in UTF-8 are sent as they are, or refused with `[UTF8]` to clients that have not said UTF8 (`utf8Headers`)",
  ],
  "RFC 6856": ["UTF8, LANG; names and passwords in UTF-8 at any time", ["UTF8", "LANG"]],
};

const codes: readonly (readonly [code: string, text: string])[] = [
  ["AUTH", "the credentials are wrong, or may not be used here: without TLS, by a policy"],
  ["IN-USE", "another session has the maildrop, or too many have it"],
  ["LOGIN-DELAY", "the last login was too short ago"],
  ["SYS/TEMP", "something is out of order for now; also at QUIT, when not all that was marked could be removed"],
  ["SYS/PERM", "it will not get better by trying again: no mailbox, no permission, damage"],
  ["UTF8", "the message needs UTF8"],
];

interface Citation {
  readonly rfc: string;
  readonly section: string;
  readonly file: string;
}

function citations(): readonly Citation[] {
  const files = readdirSync(plugin, { recursive: true, encoding: "utf8" }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(new URL(file, plugin), "utf8");
    return [...text.matchAll(/(RFC \d+)(?:,? (\d+(?:\.\d+)*))?/g)].map(([, rfc = "", section = ""]) => ({
      rfc,
      section,
      file,
    }));
  });
}

const byNumber = (one: string, other: string): number => one.localeCompare(other, "en", { numeric: true });

function verbRows(all: readonly Citation[]): readonly string[] {
  const states = { any: "both", authorization: "before the login", transaction: "after the login" };
  return [...commands].map(([verb, { validIn }]) => {
    const cited = all.filter(({ file, section }) => file === `commands/${verb.toLowerCase()}.ts` && section !== "");
    const sources = [...new Set(cited.map(({ rfc, section }) => `${rfc} ${section}`))].join(", ");
    return `| ${verb} | ${states[validIn]} | ${sources} |`;
  });
}

export function pop3Reference(): string {
  const all = citations();
  const cited = [...new Set(all.map(({ rfc }) => rfc))].toSorted(byNumber);
  const unknown = cited.filter((rfc) => !(rfc in standards));
  const uncited = Object.keys(standards).filter((rfc) => !cited.includes(rfc));
  if (unknown.length + uncited.length > 0) throw new Error(`not in both: ${[...unknown, ...uncited].join(", ")}`);
  const unknownCodes = codesInReplies().filter((code) => !codes.some(([known]) => known === code));
  if (unknownCodes.length > 0) throw new Error(`nothing said about ${unknownCodes.join(", ")}`);
  return `# POP3

<!-- Generated from plugins/access-pop3 and test/reference/pop3-reference.ts: \`npx vitest run test/reference -u\` writes it anew. -->

What [access-pop3](../../plugins/access-pop3/README.md) does, RFC by RFC. Logins are those of [all protocols](../guide/authentication.md).

## Standards

| RFC | what is done | CAPA |
| --- | --- | --- |
${cited.map((rfc) => `| ${rfc} | ${standards[rfc]?.[0]} | ${(standards[rfc]?.[1] ?? []).map((word) => `\`${word}\``).join(", ")} |`).join("\n")}

\`USER\` and \`SASL\` are there only where a login may be tried: under TLS, or on this machine. \`LOGIN-DELAY\` is there if
\`loginDelay\` is set. CAPA says the same before and after the login, but for \`STLS\`, which is for before.

## Verbs

| verb | valid | by |
| --- | --- | --- |
${verbRows(all).toSorted().join("\n")}

In the wrong state a verb is answered with -ERR and nothing happens. In the middle of a SASL exchange there are no verbs: whatever
comes is the client's response. Behind QUIT nothing is read. There is no way back from the login but a new connection.

## Response codes

| code | when |
| --- | --- |
${codes.map(([code, text]) => `| \`[${code}]\` | ${text} |`).join("\n")}

## Languages

${languages.map(({ tag, name }) => `\`${tag}\` (${name})`).join(", ")}. Before LANG it is \`i-default\`. A language is a file of texts in \`texts/\`.

## Where each obligation is met

| RFC | section | file |
| --- | --- | --- |
${citationRows(all).join("\n")}
`;
}

/** Response codes that the code can give. */
function codesInReplies(): readonly string[] {
  const reply = readFileSync(new URL("reply.ts", plugin), "utf8");
  return [...(/export type Code = ([^;]+);/.exec(reply)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map(
    ([, code = ""]) => code,
  );
}

function citationRows(all: readonly Citation[]): readonly string[] {
  const files = new Map<string, Set<string>>();
  for (const { rfc, section, file } of all) {
    if (section === "") continue;
    const key = `| ${rfc} | ${section} |`;
    files.set(key, (files.get(key) ?? new Set()).add(file));
  }
  return [...files]
    .toSorted(([one], [other]) => byNumber(one, other))
    .map(([key, names]) => `${key} ${[...names].map((name) => `\`${name}\``).join(", ")} |`);
}

export const namedCapabilities = (): readonly string[] => Object.values(standards).flatMap(([, words = []]) => words);
