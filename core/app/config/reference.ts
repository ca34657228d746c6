/** The reference of all config keys as a page of Markdown, made from the schemas that check them. */
import { describe } from "../../kernel/load/expectation.ts";
import { isSchema, type Schema } from "../../kernel/load/schema.ts";
import { entryKeys, listenerKeys, serverKeys } from "./keys.ts";
import { destinationKeys } from "./queue-keys.ts";

const head = `# Config keys

Made from the schemas in \`core/app/config/keys.ts\`; \`npx vitest run core/app/config/reference.test.ts -u\` writes it anew. How the
file is found and what it is like is told in [the guide](../guide/configuration.md).
`;

export function configReference(): string {
  const { properties } = serverKeys;
  const groups = Object.entries(properties).filter(([, schema]) => isTable(schema));
  const sections = [
    section("The server", serverKeys, (_, schema) => !isTable(schema)),
    ...groups.map(([key, schema]) => section(`\`${key}\``, schema, () => true, lead(schema))),
    section("Each of `listeners`", listenerKeys, (_, schema) => !isTable(schema), "A listener has `port` or `path`."),
    section("`proxy` of a listener", listenerKeys.properties.proxy, () => true, lead(listenerKeys.properties.proxy)),
    section("`limits` of a listener", listenerKeys.properties.limits, () => true, lead(listenerKeys.properties.limits)),
    section("Each of `destinations` of `queue`", destinationKeys, () => true),
    section(
      "Each of `plugins`, in its long form",
      entryKeys,
      () => true,
      "The short forms are a name, and `name: options`. An entry without options (`alias-virtual:`) has the defaults.",
    ),
  ];
  return [head, ...sections].join("\n");
}

const lead = (schema: unknown) =>
  isSchema(schema) && typeof schema.description === "string" ? schema.description : "";

/** An object with keys of its own: it gets a section, not a line. */
const isTable = (schema: unknown): schema is Schema =>
  isSchema(schema) && schema.type === "object" && isSchema(schema.properties);

function section(title: string, table: unknown, has: (key: string, schema: Schema) => boolean, text = ""): string {
  const { properties, required } = isSchema(table) ? table : {};
  const must: readonly unknown[] = Array.isArray(required) ? required : [];
  const rows = Object.entries(isSchema(properties) ? properties : {}).flatMap(([key, schema]) =>
    isSchema(schema) && has(key, schema) ? [row(key, schema, must.includes(key))] : [],
  );
  const table_ = ["| key | value | default | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
  return `## ${title}\n\n${text === "" ? "" : `${text}\n\n`}${table_}\n`;
}

function row(key: string, schema: Schema, isRequired: boolean): string {
  const { default: value, description } = schema;
  const filled =
    value === undefined
      ? isRequired
        ? "required"
        : ""
      : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
  const cells = [`\`${key}\``, expected(schema), filled, typeof description === "string" ? description : ""];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Lists of tables have sections of their own; "a list" says enough here. */
const expected = (schema: Schema) =>
  schema.type === "array" && isTable(schema.items) ? "a list" : isTable(schema) ? "a table" : describe(schema);
