import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { english } from "../../mail/dsn/english.ts";
import { german } from "../../mail/dsn/german.ts";
import { readReportTexts } from "./report-keys.ts";

async function directoryWith(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postern-texts-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return directory;
}

it("knows English and German", async () => {
  const { texts, slips } = await readReportTexts({ languages: ["de", "en"] }, "/");
  expect(slips).toEqual([]);
  expect(texts).toEqual([german, english]);
});

it("German has a sentence for all that English has one for", () => {
  expect(Object.keys(german.reasons).sort()).toEqual(Object.keys(english.reasons).sort());
});

it("takes sentences from a file, and leaves the others as they were", async () => {
  const dir = await directoryWith({
    "de.yaml": "help: Rufen Sie an, und nennen Sie {id}.\nsubjects: { delayed: Es dauert }\n",
    "fr.yaml": "server: Ici {server}.\nreasons:\n  1.1: { reason: Pas de bo\u00eete., advice: Corrigez. }\n",
  });
  const { texts, slips } = await readReportTexts({ languages: ["de", "fr"], texts: "." }, dir);
  expect(slips).toEqual([]);
  expect(texts[0]).toEqual({
    ...german,
    help: "Rufen Sie an, und nennen Sie {id}.",
    subjects: { ...german.subjects, delayed: "Es dauert" },
  });
  expect(texts[1]).toMatchObject({ language: "fr", server: "Ici {server}.", help: english.help });
  expect(texts[1]?.reasons["1.1"]).toEqual({ reason: "Pas de bo\u00eete.", advice: "Corrigez." });
});

it.each([
  ["a language without sentences", "fr", {}, 'there are no sentences in "fr"'],
  ["no language at all", "en-x", {}, "is no language"],
  ["a key that is none", "de", { "de.yaml": "halp: x\n" }, "halp"],
  ["a word that nobody fills in", "de", { "de.yaml": "help: Call {phone}\n" }, "help: nothing is known for {phone}"],
  ["a word where there is none", "de", { "de.yaml": "from: Mail {id}\n" }, "expected no braces"],
  ["half a reason", "de", { "de.yaml": "reasons: { '1.1': { reason: x } }\n" }, "advice"],
  ["no YAML", "de", { "de.yaml": "help: [\n" }, "de.yaml: "],
] as const)("says what is wrong: %s", async (_, language, files, expected) => {
  const dir = await directoryWith(files);
  const { slips } = await readReportTexts({ languages: [language], texts: "." }, dir);
  expect(slips.map(({ text }) => text).join("\n")).toContain(expected);
});
