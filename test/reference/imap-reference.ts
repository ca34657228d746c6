/** The page `docs/reference/imap.md`: commands from the table that the plugin obeys, standards from what the code cites. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { commands } from "../../plugins/access-imap/commands/index.ts";
import { notDone, standards } from "./imap-standards.ts";

const house = new URL("../../", import.meta.url);
const plugin = "plugins/access-imap/";
/** Where IMAP is done. */
const rooms = [plugin, "plugins/search-fts/"];

interface Citation {
  readonly rfc: string;
  readonly section: string;
  /** Relative to the plugin; those of other rooms to the house. */
  readonly file: string;
}

function citations(): readonly Citation[] {
  return rooms.filter((room) => existsSync(new URL(room, house))).flatMap((room) => citationsIn(room));
}

function citationsIn(room: string): readonly Citation[] {
  const files = readdirSync(new URL(room, house), { recursive: true, encoding: "utf8" }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(new URL(room + file, house), "utf8");
    const shown = room === plugin ? file : room + file;
    return [...text.matchAll(/(RFC \d+)(?:,? (\d+(?:\.\d+)*(?:, \d+(?:\.\d+)+)*))?/g)].flatMap(
      ([, rfc = "", sections = ""]) => sections.split(", ").map((section) => ({ rfc, section, file: shown })),
    );
  });
}

const byNumber = (one: string, other: string): number => one.localeCompare(other, "en", { numeric: true });
const code = (words: Iterable<string>): string => [...words].map((word) => `\`${word}\``).join(", ");

function standardRows(cited: readonly string[]): readonly string[] {
  return cited.map((rfc) => {
    const { text, capabilities = [] } = standards[rfc] ?? { text: "" };
    return `| ${rfc} | ${text} | ${code(capabilities.map(shownCapability))} |`;
  });
}

const shownCapability = (word: string): string => (word.endsWith("=") ? `${word}...` : word);

/** Each capability with the files that cite its RFC. */
function extensionRows(all: readonly Citation[]): readonly string[] {
  const rows = Object.entries(standards).flatMap(([rfc, { capabilities = [] }]) =>
    capabilities.map((word) => {
      const files = new Set(all.filter((citation) => citation.rfc === rfc).map(({ file }) => file));
      const where = files.size > 12 ? "throughout" : code(files);
      return `| \`${shownCapability(word)}\` | ${rfc} | ${where} |`;
    }),
  );
  return rows.toSorted(byNumber);
}

function commandRows(all: readonly Citation[]): readonly string[] {
  const states = {
    any: "always",
    notAuthenticated: "before the login",
    authenticated: "after the login",
    selected: "with a mailbox selected",
  };
  return [...commands].map(([name, { validIn }]) => {
    const file = `commands/${name.replace(/^UID /, "").toLowerCase()}.ts`;
    const cited = all.filter((citation) => citation.file === file && citation.section !== "");
    const sources = new Set(cited.map(({ rfc, section }) => `${rfc} ${section}`));
    return `| ${name} | ${states[validIn]} | ${[...sources].join(", ")} |`;
  });
}

function citationRows(all: readonly Citation[]): readonly string[] {
  const files = new Map<string, Set<string>>();
  for (const { rfc, section, file } of all) {
    if (section === "") continue;
    const key = `| ${rfc} | ${section} |`;
    files.set(key, (files.get(key) ?? new Set()).add(file));
  }
  return [...files].toSorted(([one], [other]) => byNumber(one, other)).map(([key, names]) => `${key} ${code(names)} |`);
}

export function imapReference(): string {
  const all = citations();
  const cited = [...new Set(all.map(({ rfc }) => rfc))].toSorted(byNumber);
  const unknown = cited.filter((rfc) => !(rfc in standards));
  const uncited = Object.keys(standards).filter((rfc) => !cited.includes(rfc));
  if (unknown.length + uncited.length > 0) {
    throw new Error(`test/reference/imap-standards.ts and citations differ in ${[...unknown, ...uncited].join(", ")}`);
  }
  return `# IMAP

<!-- Generated from plugins/access-imap, test/reference/imap-reference.ts and imap-standards.ts: \`npx vitest run test/reference -u\` writes it anew. -->

What [access-imap](../../plugins/access-imap/README.md) does, RFC by RFC. Logins are those of [all protocols](../guide/authentication.md),
limits of connections those of [listeners](config-keys.md).

## Standards

| RFC | what is done | CAPABILITY |
| --- | --- | --- |
${standardRows(cited).join("\n")}

Before the login CAPABILITY names what can be had there; the rest is announced with the tagged OK of the login. \`STARTTLS\` is there where the
listener offers it, mechanisms (\`AUTH=...\`) where a login may be tried: under TLS, or on this machine.

## Extensions, and where each is done

Files are those of the plugin.

| CAPABILITY | RFC | files that cite it |
| --- | --- | --- |
${extensionRows(all).join("\n")}

## Commands

| command | valid | by |
| --- | --- | --- |
${commandRows(all).toSorted(byNumber).join("\n")}

In the wrong state a command is answered with BAD and nothing happens.

## Not done

| what | why |
| --- | --- |
${notDone.map(([what, why]) => `| ${what} | ${why} |`).join("\n")}

## Where each obligation is met

| RFC | section | file |
| --- | --- | --- |
${citationRows(all).join("\n")}
`;
}

export const namedCapabilities = (): readonly string[] =>
  Object.values(standards).flatMap(({ capabilities = [] }) => capabilities);
