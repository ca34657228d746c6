/** Says in words what a schema expects: "a whole number from 1 to 65535", "one of: none, optional, required". */
import { formatDuration, formatSize, type UnitRule, unitKeyword } from "../units.ts";
import { isSchema, type Schema } from "./schema.ts";

const formats: Readonly<Record<string, string>> = {
  hostname: "a host name such as mx.example.org",
  email: "an address such as ann@example.org",
  uri: "a URL",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  regex: "a regular expression",
};

export function describe(schema: unknown): string {
  if (!isSchema(schema)) return "something else";
  const { [unitKeyword]: rule, expected } = schema;
  // A schema may say it itself where the grammar is not one of JSON's.
  if (typeof expected === "string") return expected;
  if (isUnitRule(rule)) return unit(rule);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return oneOf(schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(branches)) return union(branches.filter(isSchema));
  if (Array.isArray(schema.type))
    return [...new Set(schema.type.map((type) => describe({ ...schema, type })))].join(" or ");
  switch (schema.type) {
    case "integer":
      return `a whole number${range(schema)}`;
    case "number":
      return `a number${range(schema)}`;
    case "boolean":
      return "true or false";
    case "null":
      return "nothing (null)";
    case "array":
      return list(schema);
    case "object":
      return table(schema);
    case "string":
      return string(schema);
    default:
      return "a value";
  }
}

export const isUnitRule = (rule: unknown): rule is UnitRule =>
  isSchema(rule) && (rule.of === "duration" || rule.of === "size");

function unit({ of, minimum, maximum }: UnitRule): string {
  const format = of === "duration" ? formatDuration : formatSize;
  const what = of === "duration" ? "a duration such as 30s, 5m or 2h" : "a size such as 64KiB, 25MiB or 1GB";
  if (minimum !== undefined && maximum !== undefined) return `${what}, from ${format(minimum)} to ${format(maximum)}`;
  if (minimum !== undefined) return `${what}, at least ${format(minimum)}`;
  return maximum === undefined ? what : `${what}, at most ${format(maximum)}`;
}

const word = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
const oneOf = (values: readonly unknown[]) =>
  values.length === 1 ? word(values[0]) : `one of: ${values.map(word).join(", ")}`;

function union(branches: readonly Schema[]): string {
  const words = branches.filter((branch) => "const" in branch).map((branch) => branch.const);
  const rest = [...new Set(branches.filter((branch) => !("const" in branch)).map(describe))];
  return [...(words.length > 0 ? [oneOf(words)] : []), ...rest].join(", or ");
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return ` of at least ${minimum}`;
  if (maximum !== undefined) return ` of at most ${maximum}`;
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}`;
  return exclusiveMaximum === undefined ? "" : ` below ${exclusiveMaximum}`;
}

function list(schema: Schema): string {
  const what = isSchema(schema.items) ? `a list, each item ${describe(schema.items)}` : "a list";
  return typeof schema.minItems === "number" && schema.minItems > 0 ? `${what}, at least ${schema.minItems}` : what;
}

function table({ properties, required }: Schema): string {
  if (!isSchema(properties)) return "a table (key: value)";
  const keys = Object.keys(properties);
  const must = keys.filter((key) => {
    const value = properties[key];
    return Array.isArray(required) && required.includes(key) && isSchema(value) && value.default === undefined;
  });
  const known = must.length === keys.length ? "" : ` (known: ${keys.join(", ")})`;
  return `a table${must.length > 0 ? ` with ${must.join(", ")}` : ""}${known}`;
}

function string({ format, pattern, minLength }: Schema): string {
  if (typeof format === "string") return formats[format] ?? `text in the format "${format}"`;
  if (typeof pattern === "string") return `text that matches /${pattern}/`;
  return typeof minLength === "number" && minLength > 0 ? "text that is not empty" : "text";
}
