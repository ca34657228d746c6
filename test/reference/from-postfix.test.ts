/** The guide for those who come from Postfix names only what there is. */
import { expect, it } from "vitest";
import { entryKeys, listenerKeys, serverKeys } from "../../core/app/config/keys.ts";
import { fromPostfix } from "./from-postfix.ts";
import { sections } from "./from-postfix-table.ts";
import { hasOption } from "./option-path.ts";

const rows = sections.flatMap((section) => section.rows);
const mapped = rows.flatMap(({ at, option, postfix }) => (at === null ? [] : [{ at, option, postfix }]));

it("docs/guide/from-postfix.md is up to date", async () => {
  await expect(fromPostfix()).toMatchFileSnapshot("../../docs/guide/from-postfix.md");
});

it.each(mapped)("$postfix is $at $option", async ({ at, option }) => {
  const schema = at === "core" ? coreSchema(option) : await pluginSchema(at);
  if (option !== undefined) expect(hasOption(schema, option.replace(/^(listeners|plugins)\./, ""))).toBe(true);
});

it("says why where there is nothing", () => {
  for (const row of rows) if (row.at === null) expect(row.note, row.postfix).toBeTruthy();
});

const coreSchema = (option: string | undefined): object =>
  option?.startsWith("listeners.") ? listenerKeys : option?.startsWith("plugins.") ? entryKeys : serverKeys;

async function pluginSchema(name: string): Promise<object> {
  const module = (await import(`../../plugins/${name}/index.ts`)) as { default: { config?: object } };
  return module.default.config ?? {};
}

it("names values of `check` and `count` that there are", async () => {
  for (const { at, option, note = "" } of rows) {
    if (at === null || at === "core" || !option?.includes(".")) continue;
    const words = JSON.stringify(await pluginSchema(at));
    for (const [, word] of note.split(";")[0]?.matchAll(/`(?:\w+: )?(\w+)`/g) ?? [])
      expect(words).toContain(`"${word}"`);
  }
});
