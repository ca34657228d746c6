/**
 * Makes a plugin's schema safe to validate with: every object is closed, nested objects whose keys all have defaults have a
 * default themselves. Throws `SchemaMistake` for what ajv gets wrong: intersections, and defaults inside unions, which would
 * be ignored in silence.
 */

export class SchemaMistake extends Error {}

/** A JSON schema as plain data; what typebox makes. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

export const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const tables = ["properties", "patternProperties", "$defs", "definitions"];
const unions = ["anyOf", "oneOf"];
const single = ["items", "additionalProperties", "propertyNames", "contains", "unevaluatedProperties"];
const refused: Readonly<Record<string, string>> = {
  allOf: "an intersection",
  not: "a negation",
  if: "a condition",
};

export function prepareSchema(schema: Schema): Schema {
  return prepare(schema, "", false);
}

function prepare(schema: Schema, path: string, isInUnion: boolean): Schema {
  const where = path === "" ? "its options" : `"${path}"`;
  for (const [keyword, name] of Object.entries(refused)) {
    if (schema[keyword] !== undefined) {
      throw new SchemaMistake(`the schema of ${where} is ${name} (${keyword}), which options cannot be checked with`);
    }
  }
  if (isInUnion && schema.default !== undefined) {
    throw new SchemaMistake(`the schema of ${where} has a default inside a union, which would never be filled in`);
  }
  const out: Record<string, unknown> = { ...schema };
  for (const keyword of tables) {
    const table = schema[keyword];
    if (!isSchema(table)) continue;
    out[keyword] = Object.fromEntries(
      Object.entries(table).map(([key, value]) => [
        key,
        isSchema(value) ? prepare(value, path === "" ? key : `${path}.${key}`, isInUnion) : value,
      ]),
    );
  }
  for (const keyword of unions) {
    const branches = schema[keyword];
    if (Array.isArray(branches)) {
      out[keyword] = branches.map((branch) => (isSchema(branch) ? prepare(branch, path, true) : branch));
    }
  }
  for (const keyword of single) {
    const inner = schema[keyword];
    if (isSchema(inner)) out[keyword] = prepare(inner, `${path}[]`, isInUnion);
    else if (Array.isArray(inner)) {
      out[keyword] = inner.map((item, n) => (isSchema(item) ? prepare(item, `${path}[${n}]`, isInUnion) : item));
    }
  }
  if (schema.type === "object") {
    if (out.additionalProperties === undefined) out.additionalProperties = false;
    if (!isInUnion) giveDefaults(out);
  }
  return out;
}

/** A required nested object that needs nothing from the operator may be left out as a whole. */
function giveDefaults(object: Record<string, unknown>): void {
  const { properties, required } = object;
  if (!isSchema(properties) || !Array.isArray(required)) return;
  const filled: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(properties)) {
    const isComplete =
      isSchema(value) && value.default === undefined && required.includes(key) && isSchema(value.properties);
    filled[key] = isComplete && canBeEmpty(value) ? { ...value, default: {} } : value;
  }
  object.properties = filled;
}

function canBeEmpty(object: Schema): boolean {
  const { properties, required } = object;
  if (!Array.isArray(required)) return true;
  return required.every((key) => {
    const value = isSchema(properties) ? properties[key] : undefined;
    return isSchema(value) && value.default !== undefined;
  });
}
