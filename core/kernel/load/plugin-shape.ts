/**
 * Whether what a module exports is a plugin. What the compiler tells authors in TypeScript is told again here to those who
 * write JavaScript: misspelt keys, a missing `setup`, options without a usable schema.
 */
import type { AnyPlugin } from "../entry.ts";
import { nearest } from "./nearest.ts";
import { isSchema, SchemaMistake } from "./schema.ts";
import { compileSchema, show } from "./validate.ts";

/** The major of the plugin API that this server speaks. */
const api = 1;

export interface ShapeProblem {
  readonly text: string;
  readonly expected: string;
  readonly suggestion: string | null;
}

export type Shaped =
  | { readonly ok: true; readonly plugin: AnyPlugin }
  | { readonly ok: false; readonly problems: readonly ShapeProblem[] };

const keys = ["name", "api", "config", "needs", "provides", "serves", "after", "before", "setup"];
const pluginName = /^(@[a-z0-9][a-z0-9-]*\/)?[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** The plugin among a module's exports: transpilers put a default into a default. */
export function unwrap(module: unknown): unknown {
  let value = module;
  for (let depth = 0; depth < 3 && isObject(value) && value.default !== undefined; depth++) {
    value = value.default;
  }
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTextList = (value: unknown) => Array.isArray(value) && value.every(isText);
const isTokens = (value: unknown) =>
  isObject(value) &&
  Object.values(value).every((token) => isObject(token) && isText(token.name) && /@\d+$/.test(token.name));

export function shapeOf(module: unknown): Shaped {
  const plugin = unwrap(module);
  if (!isObject(plugin)) {
    const what = plugin === undefined ? "no default export" : `a default export that is ${show(plugin)}`;
    return failed([`the module has ${what}`, "export default definePlugin({ ... })"]);
  }
  if (typeof plugin.setup !== "function" && plugin.name === undefined) {
    return failed([
      "the module's default export is no plugin",
      "export default definePlugin({ name, api: 1, setup() { ... } })",
    ]);
  }
  const problems: (readonly [string, string, (string | null)?])[] = [];
  if (plugin.api !== api) {
    problems.push([
      plugin.api === undefined
        ? "the plugin does not say which plugin API it is for"
        : `the plugin is for API ${show(plugin.api)}`,
      `api: ${api}, which is what this server speaks`,
    ]);
  }
  if (!isText(plugin.name) || !pluginName.test(plugin.name) || plugin.name.length > 100) {
    problems.push([
      `the plugin's name is ${show(plugin.name)}`,
      "role and thing in lower case, such as policy-greylist",
    ]);
  }
  for (const key of Object.keys(plugin)) {
    if (keys.includes(key)) continue;
    const hint = key === "hooks" || key === "serve" ? "setup() returns it" : `one of: ${keys.join(", ")}`;
    problems.push([`the plugin has the unknown key "${key}"`, hint, nearest(key, keys)]);
  }
  if (typeof plugin.setup !== "function")
    problems.push(["the plugin has no setup", "setup(context) { return { hooks } }"]);
  for (const key of ["serves", "after", "before"]) {
    if (plugin[key] !== undefined && !isTextList(plugin[key])) {
      problems.push([`the plugin's "${key}" is ${show(plugin[key])}`, "a list of names"]);
    }
  }
  for (const key of ["needs", "provides"]) {
    if (plugin[key] !== undefined && !isTokens(plugin[key])) {
      problems.push([
        `the plugin's "${key}" is ${show(plugin[key])}`,
        'service tokens, each named as in "acme/lookup@1"',
      ]);
    }
  }
  const schema = schemaProblem(plugin.config);
  if (schema) problems.push(schema);
  // Every field that `AnyPlugin` names has been looked at above.
  return problems.length === 0 ? { ok: true, plugin: plugin as unknown as AnyPlugin } : failed(...problems);
}

const failed = (...problems: readonly (readonly [string, string, (string | null)?])[]): Shaped => ({
  ok: false,
  problems: problems.map(([text, expected, suggestion]) => ({ text, expected, suggestion: suggestion ?? null })),
});

function schemaProblem(schema: unknown): readonly [string, string] | null {
  if (schema === undefined) return null;
  if (!isSchema(schema) || schema.type !== "object")
    return ["the plugin's config is no object schema", "Type.Object({ ... })"];
  try {
    compileSchema(schema);
    return null;
  } catch (error) {
    if (!(error instanceof SchemaMistake)) throw error;
    return [error.message, "a plain Type.Object({ ... })"];
  }
}
