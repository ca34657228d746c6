/** Who may import whom (docs: architecture, "The house"). Each rule gives sentences, one a slip, and none when all is well. */
import { isTest, type SourceFile, target } from "./sources.ts";

/** From the ground up; rooms of one rank are siblings and never meet. */
const ranks: readonly (readonly string[])[] = [
  ["mail"],
  ["contracts"],
  ["kernel"],
  ["net", "login", "tables", "kv", "outbound", "quota", "mailbox-files"],
  ["smtp", "spool", "queue", "control", "mailbox-index", "sharing"],
  ["maildrop"],
  ["app", "sendmail"],
  ["cli"],
];
const rankOf = new Map(ranks.flatMap((rooms, rank) => rooms.map((room) => [room, rank] as const)));
const otherRooms = ["api", "testing"];

/** What the public face may show. */
const shownByApi =
  /^core\/(?:mail|contracts|mailbox-files)\/|^core\/kernel\/(?:define|verdicts|label|own-mail|restriction|units|unit-schemas|when-known)\.ts$|^core\/testing\/|^core\/api\//;

/** What plugins see of core; their tests see `postern/testing`, too. */
const faces: ReadonlySet<string> = new Set(["postern/plugin", "postern/mail", "postern/store"]);
const onlyFaces = "a plugin sees core only as postern/plugin, postern/mail and postern/store";

/** npm packages that one file alone may know, and files that are its parts: `core/smtp/bridge-parser.ts` is one of `bridge.ts`. */
const tamed = new Map([
  ["tapable", "core/kernel/hooks.ts"],
  ["smtp-server", "core/smtp/bridge.ts"],
]);

const roomOf = (path: string): string | null => /^core\/([^/]+)\//.exec(path)?.[1] ?? null;
const pluginOf = (path: string): string | null => /^plugins\/([^/]+)\//.exec(path)?.[1] ?? null;
const packageOf = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;

export function importSlips(sources: readonly SourceFile[]): readonly string[] {
  return sources.flatMap((from) =>
    from.imports.flatMap((specifier) => {
      const slip = slipOf(from, specifier);
      return slip === null ? [] : [`${from.path} imports ${specifier}: ${slip}`];
    }),
  );
}

function slipOf(from: SourceFile, specifier: string): string | null {
  const owner = tamed.get(packageOf(specifier));
  if (owner !== undefined && !isPartOf(owner, from.path) && !isContractTest(from.path, owner))
    return `only ${owner} may`;
  const to = target(from, specifier);
  if (to !== null && !/\.(?:ts|json)$/.test(to)) return "a relative import carries .ts";
  if (from.path.startsWith("core/")) return coreSlip(from.path, specifier, to);
  if (from.path.startsWith("plugins/")) return pluginSlip(from.path, specifier, to);
  return null;
}

const isPartOf = (owner: string, path: string): boolean =>
  path === owner || path.startsWith(owner.replace(/\.ts$/, "-"));

/** A room pins down what it uses of a package's insides in contract tests of its own. */
const isContractTest = (path: string, owner: string): boolean =>
  isTest(path) && roomOf(path) !== null && roomOf(path) === roomOf(owner);

function coreSlip(path: string, specifier: string, to: string | null): string | null {
  const room = roomOf(path);
  if (room === null || !(rankOf.has(room) || otherRooms.includes(room))) return "it lies in no known room";
  if (to === null) return /^postern(?:\/|$)/.test(specifier) ? "core does not import its own public face" : null;
  if (pluginOf(to) !== null) return "core knows no plugin";
  const other = roomOf(to);
  if (other === null) return to.startsWith("core/") ? null : "core imports nothing outside of core";
  if (other === room || room === "testing") return null;
  if (other === "testing") return isTest(path) || room === "api" ? null : "only tests may";
  // The composition root hands plugins this server's copy of the public face.
  if (other === "api") return isTest(path) || room === "app" ? null : "the public face is for plugins";
  if (room === "api")
    return shownByApi.test(to) ? null : "the public face shows only mail, contracts, definitions and what stores share";
  const [own, theirs] = [rankOf.get(room) ?? -1, rankOf.get(other) ?? Number.POSITIVE_INFINITY];
  if (theirs < own) return null;
  return theirs === own ? `${room} and ${other} are siblings` : `${other} stands above ${room}`;
}

function pluginSlip(path: string, specifier: string, to: string | null): string | null {
  const plugin = pluginOf(path);
  if (to !== null) {
    if (plugin !== null && to.startsWith(`plugins/${plugin}/`)) return null;
    return pluginOf(to) === null ? onlyFaces : "plugins never meet";
  }
  if (!/^postern(?:\/|$)/.test(specifier)) return null;
  if (faces.has(specifier)) return null;
  if (specifier !== "postern/testing") return onlyFaces;
  return isForTests(path) ? null : "only tests may";
}

/** Tests, and what only they use. */
const isForTests = (path: string): boolean => isTest(path) || /(?:^|\/)(?:test|testing|tests)\//.test(path);
