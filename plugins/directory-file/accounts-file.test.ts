import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keptLog } from "postern/testing";
import { expect, it, onTestFinished } from "vitest";
import { AccountsFile } from "./accounts-file.ts";
import { yamlFormat } from "./yaml-format.ts";

const YAML = "accounts:\n  - address: anna@example.org\n";

it("that is being written in place makes nobody unknown", async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-accounts-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "accounts.yaml");
  await writeFile(path, YAML);
  const file = new AccountsFile({ path, format: yamlFormat, domains: [], homeOf: () => "/" }, keptLog().log);
  await file.refresh();
  file.watch();
  onTestFinished(() => file.unwatch());
  const found = new Set<number | undefined>();
  for (let at = 0; at < 40; at += 1) {
    await writeFile(path, YAML.slice(0, at % 2));
    for (let tick = 0; tick < 20; tick += 1) {
      found.add(file.current()?.all.length);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await writeFile(path, `${YAML}  - address: dora@example.org\n`);
  // Before anybody is called unknown, the file is waited for.
  while ((await file.latest())?.byLogin("dora@example.org") === null) found.add(file.current()?.all.length);
  expect([...found]).toEqual([1]);
  expect(file.current()?.all.length).toBe(2);
});
