/** The key `reports:` of the config file, and the files of sentences that it names: languages of delivery reports. */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type TSchema, Type } from "typebox";
import { parse } from "yaml";
import { validate } from "../../kernel/load/validate.ts";
import { english } from "../../mail/dsn/english.ts";
import { german } from "../../mail/dsn/german.ts";
import { type ReportTexts, reportKinds } from "../../mail/dsn/report-texts.ts";
import type { Slip } from "./mistake.ts";

export const reportKeys = Type.Object(
  {
    languages: Type.Array(
      Type.String({ pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$", expected: "a language such as en or de" }),
      {
        description:
          "Languages of reports about mail: the first one, unless `Accept-Language` or `Content-Language` of the message names another of them. `en` and `de` are there; others come from `texts`.",
        default: ["en"],
        minItems: 1,
      },
    ),
    texts: Type.Optional(
      Type.String({
        description:
          "Directory with sentences of your own, `<language>.yaml`; what such a file leaves out is as it was.",
        minLength: 1,
        expected: "a path",
      }),
    ),
  },
  { description: "What senders are told about mail that could not be delivered." },
);

const known: readonly ReportTexts[] = [english, german];

/** All languages that are asked for, with everything that is wrong with their files. */
export async function readReportTexts(
  { languages, texts: directory }: { readonly languages: readonly string[]; readonly texts?: string },
  configDir: string,
): Promise<{ readonly texts: readonly ReportTexts[]; readonly slips: readonly Slip[] }> {
  const texts: ReportTexts[] = [];
  const slips: Slip[] = [];
  for (const [position, language] of languages.entries()) {
    const path = ["reports", "languages", position];
    const shipped = known.find((one) => one.language === language);
    const file = directory === undefined ? null : join(resolve(configDir, directory), `${language}.yaml`);
    const own = file === null ? null : await readOwn(file);
    if (!isTag(language))
      slips.push({ path, text: `${JSON.stringify(language)} is no language`, expected: "such as en or de-CH" });
    else if (own === null && !shipped) {
      const text = `there are no sentences in ${JSON.stringify(language)}`;
      slips.push({ path, text, expected: file === null ? "en or de, or `reports.texts`" : `the file ${file}` });
    } else if (own?.at === "wrong") slips.push(...own.texts.map((text) => ({ path: ["reports", "texts"], text })));
    texts.push({ ...english, ...shipped, ...(own?.at === "read" && merged(shipped ?? english, own.value)), language });
  }
  return { texts, slips };
}

/** RFC 5646, as far as dates can be written in it. */
function isTag(language: string): boolean {
  try {
    return Intl.getCanonicalLocales(language).length === 1;
  } catch {
    return false;
  }
}

const sentences = (names: readonly string[]): TSchema =>
  Type.Optional(Type.Object(Object.fromEntries(names.map((name) => [name, Type.Optional(Type.String())]))));

const sentence = Type.Optional(Type.String({ minLength: 1 }));
const textsFile = Type.Object({
  from: sentence,
  subjects: sentences(reportKinds),
  server: sentence,
  openings: sentences(reportKinds),
  attached: sentences(["header", "message"]),
  help: sentence,
  advice: sentence,
  until: sentence,
  ourWords: sentence,
  theirWords: sentence,
  passedOn: sentences(["delivered", "relayed", "expanded"]),
  reasons: Type.Optional(
    Type.Record(
      Type.String({ pattern: "^([1-7](\\.[0-9]{1,2})?|other)$" }),
      Type.Object({ reason: Type.String({ minLength: 1 }), advice: Type.String({ minLength: 1 }) }),
    ),
  ),
});

type Tree = { readonly [key: string]: string | Tree };

/** `null`: there is no such file. */
async function readOwn(file: string): Promise<{ at: "read"; value: Tree } | { at: "wrong"; texts: string[] } | null> {
  let value: unknown;
  try {
    value = parse(await readFile(file, "utf8")) ?? {};
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    return {
      at: "wrong",
      texts: [`${file}: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`],
    };
  }
  const checked = validate(textsFile, value);
  if (!checked.ok) {
    const texts = checked.problems.map(
      ({ path, text, expected }) => `${file}: ${[...path, text].join(": ")}; expected ${expected}`,
    );
    return { at: "wrong", texts };
  }
  const tree = checked.value as Tree;
  const strange = placeholdersOf(tree, english as unknown as Tree, []);
  if (strange.length > 0) return { at: "wrong", texts: strange.map((text) => `${file}: ${text}`) };
  return { at: "read", value: tree };
}

/** Words in braces that nobody fills in: they would be sent as they are. */
function placeholdersOf(own: Tree, model: Tree, path: readonly string[]): readonly string[] {
  return Object.entries(own).flatMap(([key, value]) => {
    const as = model[key] ?? "";
    if (typeof value !== "string") return placeholdersOf(value, typeof as === "string" ? {} : as, [...path, key]);
    const may: readonly string[] = typeof as === "string" ? (as.match(/\{[a-z]+\}/g) ?? []) : [];
    return (value.match(/\{[a-z]+\}/g) ?? [])
      .filter((name) => !may.includes(name))
      .map(
        (name) =>
          `${[...path, key].join(".")}: nothing is known for ${name}; expected ${may.join(", ") || "no braces"}`,
      );
  });
}

const merged = (under: ReportTexts, own: Tree): Partial<ReportTexts> =>
  Object.fromEntries(
    Object.entries(own).map(([key, value]) => [
      key,
      typeof value === "string" ? value : { ...(under as unknown as Record<string, object>)[key], ...value },
    ]),
  );
