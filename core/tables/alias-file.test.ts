import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { tablesOf } from "../testing/tables.ts";

async function open(text: string) {
  const directory = await mkdtemp(join(tmpdir(), "postern-aliases-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, "aliases"), text);
  return tablesOf({ configDir: directory }).open("aliases:aliases");
}

it("lines go on, comments are passed over, names are folded and may be quoted", async () => {
  const table = await open(
    '# head\nPostmaster:   root\nroot: ann,\n  # in between\n\tbob\n"John Doe": ann\n"say \\"hi\\"":bob\nlist+x : ann\n',
  );
  const answers = ["POSTMASTER", "root", "john doe", 'say "hi"', "list+x", "nobody"].map((key) => table.get(key));
  expect(answers).toEqual(["root", "ann,\tbob", "ann", "bob", "ann", null]);
  expect(table.mistakes).toEqual([]);
});

it("what is wrong is said with its line, and a bad target does not make the name unknown", async () => {
  const table = await open("no colon here\nann:\nroot: ann\nROOT: bob\na@b: c\nsales: bob carol\n");
  expect(table.mistakes).toEqual([
    { line: 1, text: expect.stringContaining("expected") },
    { line: 2, text: expect.stringContaining("expected") },
    { line: 4, text: expect.stringContaining("first one counts") },
    { line: 5, text: expect.stringContaining("expected") },
    { line: 6, text: expect.stringContaining("mail for this alias waits") },
  ]);
  expect([table.get("root"), table.get("sales")]).toEqual(["ann", "bob carol"]);
  expect(await table.values?.()).toContainEqual({ at: "line 6 (sales)", value: "bob carol" });
});
