/** The schemes that core brings: what stands before the colon, and who opens what stands behind it. */
import { resolve } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { Table } from "../contracts/tables.ts";
import { openAliasFile } from "./alias-file.ts";
import { openCidrFile, openInlineCidr } from "./cidr/cidr-table.ts";
import { openPipe, openUnion } from "./combined-tables.ts";
import { openFileTable } from "./file-table.ts";
import { openFailingTable, openStaticTable } from "./fixed-tables.ts";
import { openInlineTable } from "./inline-table.ts";
import { openInlinePatterns, openPatternFile } from "./patterns/pattern-table.ts";
import type { PatternSyntax } from "./patterns/rules.ts";

export type OpenTable = (rest: string) => Promise<Table>;

export interface SchemeParts {
  readonly configDir: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Opens any table, for those that are made of others. */
  readonly open: (spec: string) => Promise<Table>;
}

export function builtInSchemes({
  configDir,
  log,
  clock,
  open,
}: SchemeParts): readonly (readonly [string, OpenTable])[] {
  const file = (rest: string) => openFileTable(resolve(configDir, rest), { log, clock });
  const patterns = (syntax: PatternSyntax) => async (rest: string) =>
    isInline(rest)
      ? openInlinePatterns(syntax, rest)
      : openPatternFile(syntax, resolve(configDir, rest), { log, clock });
  const union = (rest: string) => openUnion(rest, open);
  return [
    ["hash", file],
    ["texthash", file],
    ["aliases", (rest) => openAliasFile(resolve(configDir, rest), { log, clock })],
    ["inline", openInlineTable],
    ["regexp", patterns("regexp")],
    ["pcre", patterns("pcre")],
    [
      "cidr",
      async (rest) => (isInline(rest) ? openInlineCidr(rest) : openCidrFile(resolve(configDir, rest), { log, clock })),
    ],
    ["static", openStaticTable],
    ["union", union],
    ["unionmap", union],
    ["pipemap", (rest) => openPipe(rest, open)],
    ["fail", openFailingTable],
    ["proxy", (rest) => openDirectly(rest, open, log)],
    ...["btree", "lmdb", "cdb", "dbm", "sdbm"].map((scheme) => [scheme, refused(scheme)] as const),
  ];
}

const isInline = (rest: string): boolean => rest.trimStart().startsWith("{");

/** Postfix's programs share tables through proxymap(8); here they are in the server's memory already. */
async function openDirectly(rest: string, open: OpenTable, log: Log): Promise<Table> {
  log.info({ table: rest }, `proxy: is not needed, ${rest} is opened directly`);
  return open(rest);
}

const refused =
  (scheme: string): OpenTable =>
  async (rest) => {
    throw new Error(
      `${scheme}:${rest}: tables that postmap has made are not read; write hash:${rest} for the text file that it was made from`,
    );
  };
