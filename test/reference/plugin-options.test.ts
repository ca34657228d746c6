/** Each plugin's README lists the options that its schema has, with their defaults. */
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { differences } from "./plugin-options.ts";

const plugins = new URL("../../plugins/", import.meta.url);

it.each((await readdir(plugins)).sort())("%s", async (name) => {
  const readme = await readFile(new URL(`${name}/README.md`, plugins), "utf8");
  const module = (await import(`../../plugins/${name}/index.ts`)) as { default: { config?: object } };
  expect(differences(readme, module.default.config ?? {})).toEqual([]);
});

describe("a list of options", () => {
  const table = (...rows: string[]) => `| option | default | meaning |\n|---|---|---|\n${rows.join("\n")}\n`;
  const schema = {
    properties: {
      delay: { type: "string", default: "5m" },
      rules: { type: "array", default: [], items: { properties: { limit: { default: 3 } } } },
      texts: { properties: { one: { default: "One" }, two: { default: "Two" } } },
    },
  };
  const rows = ["| `delay` | `5m` | |", "| `rules` | `[]` | |", "| `texts.*` | | |", "| `limit` | `3` | |"];
  it.each<[string, string[], string[]]>([
    ["is right", rows, []],
    ["leaves one out", rows.slice(1), ["delay is an option, but it is not listed"]],
    ["has one too many", [...rows, "| `gone` | | |"], ["gone is listed, but there is no such option"]],
    ["has another default", ["| `delay` | `6m` | |", ...rows.slice(1)], ["delay has the default 5m, not 6m"]],
    ["leaves the option of an item out", rows.slice(0, -1), ["limit is an option, but it is not listed"]],
  ])("%s", (_, written, said) => {
    expect(differences(table(...written), schema)).toEqual(said);
  });
});
