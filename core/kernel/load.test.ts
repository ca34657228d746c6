import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as mail from "../api/mail.ts";
import * as api from "../api/plugin.ts";
import { builtinPlugins, loadPlugin, validateOptions } from "./load.ts";

/** A site with a second copy of `postern` beside its plugins; which of them a plugin got is told by its `after`. */
let site: string;
const modules = { "postern/plugin": api, "postern/mail": mail };

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(site, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

const manifest = (name: string, more: object = {}) => JSON.stringify({ name, version: "1.0.0", ...more });
const body = (name: string) =>
  `{ name: "${name}", api: 1, config: Type.Object({ threshold: Type.Integer({ default: -5 }) }),
     setup: () => ({ hooks: { connect: () => proceed } }), after: [marker ?? reject("host's").refusal.text] }`;

beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-load-"));
  const secondCopy = `export const marker = "second copy"; export const proceed = { verdict: "proceed" };
    export const reject = (text) => ({ verdict: "reject", refusal: { text } });
    export const definePlugin = (plugin) => plugin; export const parseAddress = () => "second copy";
    const object = (properties) => ({ type: "object", required: Object.keys(properties), properties });
    export const Type = { Object: object, Integer: (o) => ({ type: "integer", ...o }) };`;
  const head = `import * as all from "postern/plugin"; import { definePlugin, proceed, reject, Type } from "postern/plugin";
    const marker = all.marker;`;
  const commonHead = `const all = require("postern/plugin"); const { definePlugin, proceed, reject, Type } = all;
    const marker = all.marker;`;
  await write({
    "node_modules/postern/package.json": manifest("postern", {
      type: "module",
      exports: { "./plugin": "./plugin.js", "./mail": "./plugin.js" },
    }),
    "node_modules/postern/plugin.js": secondCopy,
    "node_modules/postern-plugin-esm/package.json": manifest("postern-plugin-esm", {
      type: "module",
      exports: { ".": { import: "./index.js" } },
    }),
    "node_modules/postern-plugin-esm/index.js": `${head} export default definePlugin(${body("policy-esm")});`,
    "node_modules/@acme/postern-plugin-cjs/package.json": manifest("@acme/postern-plugin-cjs", { main: "main.js" }),
    "node_modules/@acme/postern-plugin-cjs/main.js": `${commonHead} module.exports = definePlugin(${body("policy-cjs")});`,
    "node_modules/@acme/whole/package.json": manifest("@acme/whole", { main: "main.js" }),
    "node_modules/@acme/whole/main.js": `"use strict"; Object.defineProperty(exports, "__esModule", { value: true });
      ${commonHead} exports.default = { default: definePlugin(${body("policy-double")}) };`,
    "plugins/typed.ts": `import { type Session } from "postern/plugin"; ${head}
      import { part } from "./part.ts"; const _: Session | null = null; void part;
      export default definePlugin(${body("policy-typed")});`,
    "plugins/part.ts": `import { parseAddress } from "postern/mail"; export const part: unknown = parseAddress("a@b.c");
      if (part === "second copy") throw new Error("got the second copy");`,
    "plugins/plain.mjs": `${head} export default definePlugin(${body("policy-plain")});`,
    "plugins/no-plugin.mjs": "export const policy = 1;",
    "plugins/other-api.mjs": `export default { name: "policy-late", api: 2, setup: () => ({}) };`,
    "plugins/slips.mjs": `export default { name: "Policy Late", api: 1, hooks: {}, confg: {}, serves: "imap", needs: { a: "b" } };`,
    "plugins/throws.mjs": `\n\nthrow new Error("no database\\nsecond line");`,
    "plugins/throws.ts": `const a: number = 1;\n\nthrow new Error("no database " + a);`,
    "plugins/syntax.mjs": "export default {",
    "plugins/union.mjs": `export default { name: "policy-union", api: 1, setup: () => ({}), config: { type: "object",
      properties: { a: { anyOf: [{ type: "object", properties: { b: { type: "string", default: "c" } } }] } } } };`,
    "plugins/intersection.mjs": `export default { name: "policy-both", api: 1, setup: () => ({}), config: { type: "object",
      properties: { a: { allOf: [{ type: "object" }] } } } };`,
    "plugins/odd.mjs": `export default { name: "policy-odd", api: 1, setup: () => ({}), config: { type: "object",
      properties: { a: { type: "integer", minium: 3 } } } };`,
  });
});
afterAll(() => rm(site, { recursive: true, force: true }));

const load = (use: string) => loadPlugin(use, { configDir: site, builtins: builtinPlugins(), modules });
const textsOf = async (use: string) => {
  const loaded = await load(use);
  return loaded.ok ? [] : loaded.problems.map(({ text }) => text);
};

describe("finding and loading a plugin", () => {
  it.each([
    ["esm", "policy-esm"],
    ["postern-plugin-esm", "policy-esm"],
    ["@acme/cjs", "policy-cjs"],
    ["@acme/postern-plugin-cjs", "policy-cjs"],
    ["@acme/whole", "policy-double"],
    ["./plugins/typed.ts", "policy-typed"],
    ["./plugins/typed", "policy-typed"],
    ["./plugins/plain.mjs", "policy-plain"],
  ])("gives %s this server's copy although another is installed beside it", async (use, name) => {
    const loaded = await load(use);
    expect(loaded).toMatchObject({ ok: true, plugin: { name, after: ["host's"] } });
    if (!loaded.ok) return;
    expect(validateOptions(loaded.plugin, null)).toEqual({ ok: true, value: { threshold: -5 } });
  });

  it("finds a plugin through a link, as in a workspace", async () => {
    await symlink(join(site, "plugins/plain.mjs"), join(site, "linked.mjs"));
    expect(await load("./linked.mjs")).toMatchObject({ ok: true, plugin: { name: "policy-plain" } });
    expect(await load(join(site, "linked.mjs"))).toMatchObject({ ok: true });
  });

  it("loads the plugins that come with the server by their short names", async () => {
    expect(builtinPlugins().has("alias-virtual")).toBe(true);
    expect(await load("alias-virtual")).toMatchObject({ ok: true, plugin: { name: "alias-virtual", api: 1 } });
  });

  it("accepts a plugin that was made by the second copy itself", async () => {
    await cp(join(site, "node_modules/postern"), join(site, "node_modules/copied"), { recursive: true });
    await write({
      "plugins/second.mjs": `import { marker, definePlugin, proceed, reject, Type } from "../node_modules/copied/plugin.js";
        export default definePlugin(${body("policy-second")});`,
    });
    const loaded = await load("./plugins/second.mjs");
    expect(loaded).toMatchObject({ ok: true, plugin: { after: ["second copy"] } });
    if (loaded.ok)
      expect(validateOptions(loaded.plugin, { threshold: 3 })).toEqual({ ok: true, value: { threshold: 3 } });
  });
});

describe("what is no plugin", () => {
  it("names the nearest plugin that there is", async () => {
    const loaded = await load("alias-virtaul");
    expect(loaded).toMatchObject({
      ok: false,
      problems: [{ text: 'there is no plugin "alias-virtaul"', suggestion: "alias-virtual" }],
    });
  });
  it("names the nearest file", async () => {
    expect(await load("./plugins/plian.mjs")).toMatchObject({
      ok: false,
      problems: [{ suggestion: "./plugins/plain.mjs" }],
    });
  });
  it("never takes a package that is not named as a plugin", async () => {
    expect(await textsOf("typebox")).toEqual(['there is no plugin "typebox"']);
    expect(await textsOf("../etc/passwd/../x")).toHaveLength(1);
  });
  it.each([
    ["./plugins/no-plugin.mjs", /no default export|no plugin/],
    ["./plugins/other-api.mjs", /for API 2/],
    ["./plugins/syntax.mjs", /cannot be loaded: /],
    ["./plugins/union.mjs", /default inside a union/],
    ["./plugins/intersection.mjs", /intersection/],
    ["./plugins/odd.mjs", /unknown keyword: "minium"/],
  ])("says what is wrong with %s", async (use, text) => {
    expect(await textsOf(use)).toEqual([expect.stringMatching(text)]);
  });
  it("says where the import threw, in one line", async () => {
    expect(await textsOf("./plugins/throws.mjs")).toEqual([
      `the plugin cannot be loaded: no database (${join(site, "plugins/throws.mjs")}:3)`,
    ]);
    expect(await textsOf("./plugins/throws.ts")).toEqual([
      `the plugin cannot be loaded: no database 1 (${join(site, "plugins/throws.ts")}:3)`,
    ]);
  });
  it("tells all slips of a plain JavaScript plugin at once", async () => {
    const loaded = await load("./plugins/slips.mjs");
    expect(loaded.ok).toBe(false);
    if (loaded.ok) return;
    expect(loaded.problems.map(({ text }) => text)).toEqual([
      `the plugin's name is "Policy Late"`,
      'the plugin has the unknown key "hooks"',
      'the plugin has the unknown key "confg"',
      "the plugin has no setup",
      `the plugin's "serves" is "imap"`,
      `the plugin's "needs" is a table`,
    ]);
    expect(loaded.problems[2]?.suggestion).toBe("config");
  });
});
