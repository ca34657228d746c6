/**
 * Checks a value against a schema with ajv and answers with everything that is wrong at once, in words. Fills defaults in
 * and turns durations and sizes into numbers, in a copy. Throws `SchemaMistake` for a schema that cannot be used.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { parseDuration, parseSize, unitKeyword } from "../units.ts";
import { describe, isUnitRule } from "./expectation.ts";
import { nearest } from "./nearest.ts";
import { nameOf, type Path } from "./path.ts";
import { isSchema, prepareSchema, SchemaMistake } from "./schema.ts";

export interface Problem {
  readonly path: Path;
  /** Whether the key itself is wrong, or what stands behind it. */
  readonly at: "key" | "value";
  /** `unknown key "limt"`, `"limit" is "many"` */
  readonly text: string;
  /** `a whole number of at least 1` */
  readonly expected: string;
  readonly suggestion: string | null;
}

export type Validated =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; problems: readonly Problem[] };

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  useDefaults: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  validateFormats: true,
});
addFormats.default(ajv);
ajv.addKeyword("expected");
ajv.addKeyword({
  keyword: unitKeyword,
  modifying: true,
  validate: (
    rule: unknown,
    data: unknown,
    _schema?: unknown,
    at?: { parentData: Record<PropertyKey, unknown> | unknown[]; parentDataProperty: PropertyKey },
  ): boolean => {
    if (!isUnitRule(rule) || !at) return false;
    const value = typeof data === "string" || data === 0 || rule.of === "size" ? measure(rule.of, data) : null;
    if (value === null || value < (rule.minimum ?? 0) || value > (rule.maximum ?? Number.MAX_SAFE_INTEGER))
      return false;
    Reflect.set(at.parentData, at.parentDataProperty, value);
    return true;
  },
});

function measure(of: "duration" | "size", data: unknown): number | null {
  if (typeof data === "number") return Number.isSafeInteger(data) && data >= 0 ? data : null;
  if (typeof data !== "string") return null;
  return of === "duration" ? parseDuration(data) : parseSize(data);
}

const compiled = new WeakMap<object, ValidateFunction>();

/** Compiles a schema, or throws `SchemaMistake`. */
export function compileSchema(schema: object): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  if (!isSchema(schema)) throw new SchemaMistake("its schema is a list");
  const prepared = prepareSchema(schema);
  let validate: ValidateFunction;
  try {
    validate = ajv.compile(prepared);
  } catch (cause) {
    throw new SchemaMistake(`its schema is not valid: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  compiled.set(schema, validate);
  return validate;
}

/** `value` is not touched. */
export function validate(schema: object, value: unknown): Validated {
  const check = compileSchema(schema);
  const copy: unknown = structuredClone(value);
  if (check(copy)) return { ok: true, value: copy };
  return { ok: false, problems: problemsOf(check.errors ?? []) };
}

function problemsOf(errors: readonly ErrorObject[]): readonly Problem[] {
  const seen = new Map<string, Problem>();
  for (const error of withoutUnions(errors)) {
    const problem = problemOf(error);
    const key = JSON.stringify([problem.path, problem.at === "key" ? problem.text : ""]);
    // The first thing said about a value is the plainest: wrong type before wrong pattern.
    if (!seen.has(key)) seen.set(key, problem);
  }
  return [...seen.values()];
}

/** A failed union says what all its branches miss; keep those of the branch that was meant, or the union's own word. */
function withoutUnions(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  // Outer unions come after the errors of their branches.
  const union = errors.findLast(({ keyword }) => keyword === "anyOf" || keyword === "oneOf");
  if (!union) return errors;
  const prefix = `${union.schemaPath}/`;
  const branches = new Map<string, ErrorObject[]>();
  const others: ErrorObject[] = [];
  for (const error of errors) {
    if (error === union) continue;
    const isInside = error.schemaPath.startsWith(prefix) && error.instancePath.startsWith(union.instancePath);
    if (!isInside) {
      others.push(error);
      continue;
    }
    const branch = error.schemaPath.slice(prefix.length).split("/", 1)[0] ?? "";
    branches.set(branch, [...(branches.get(branch) ?? []), error]);
  }
  const meant = [...branches.values()].filter((errors) => !errors.some((error) => isOtherKind(error, union)));
  const kept = meant.length === 1 && meant[0] ? withoutUnions(meant[0]) : [{ ...union, keyword: "union" }];
  return [...withoutUnions(others), ...kept];
}

/** Whether an error says that the value was not meant for this branch at all: another type, or another fixed word in it. */
function isOtherKind(error: ErrorObject, union: ErrorObject): boolean {
  const below = error.instancePath.slice(union.instancePath.length + 1);
  if (error.keyword === "const") return !below.includes("/");
  return error.instancePath === union.instancePath && ["type", "enum"].includes(error.keyword);
}

function problemOf(error: ErrorObject): Problem {
  const path = pathOf(error.instancePath);
  const schema: unknown = error.parentSchema;
  const properties = isSchema(schema) && isSchema(schema.properties) ? schema.properties : {};
  if (error.keyword === "additionalProperties") {
    const key = String(error.params.additionalProperty);
    const known = Object.keys(properties);
    return {
      path: [...path, key],
      at: "key",
      text: `unknown key "${key}"`,
      expected: known.length === 0 ? "no options at all" : `one of: ${known.join(", ")}`,
      suggestion: nearest(key, known),
    };
  }
  if (error.keyword === "required") {
    const key = String(error.params.missingProperty);
    return {
      path,
      at: "key",
      text: `"${key}" is missing`,
      expected: `${key}: ${describe(properties[key])}`,
      suggestion: null,
    };
  }
  const name = nameOf(path);
  const words = wordsOf(schema);
  return {
    path,
    at: "value",
    text: `${name === "" ? "this" : `"${name}"`} is ${isSecret(path) ? "not as expected" : show(error.data)}`,
    expected: describe(schema),
    suggestion: typeof error.data === "string" && words.length > 0 ? nearest(error.data, words) : null,
  };
}

/** Messages end up in logs; what looks like a secret is not repeated. */
const isSecret = (path: Path) => /pass|secret|token/i.test(String(path.at(-1) ?? ""));

/** The fixed words that a schema would take. */
function wordsOf(schema: unknown): readonly string[] {
  if (!isSchema(schema)) return [];
  const branches: unknown = schema.anyOf ?? schema.oneOf;
  const values: readonly unknown[] = Array.isArray(schema.enum)
    ? schema.enum
    : Array.isArray(branches)
      ? branches.map((branch: unknown) => (isSchema(branch) ? branch.const : undefined))
      : [schema.const];
  return values.filter((value): value is string => typeof value === "string");
}

/** JSON pointer to path; list positions become numbers. */
function pathOf(pointer: string): Path {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** A value in a message: short, on one line, without control characters. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null || value === undefined) return "empty";
  if (typeof value === "object") return "a table";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
