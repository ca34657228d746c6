/** Whether an option exists: a dotted path through a TypeBox schema. `*` stands for any key of a table. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

export function hasOption(schema: object, path: string): boolean {
  return (
    path.split(".").reduce<readonly Schema[]>((at, key) => at.flatMap((one) => step(one, key)), [schema]).length > 0
  );
}

/** Lists are stepped through without a word of their own: `rules.limit` is the `limit` of each rule. */
function step(schema: Schema, key: string): readonly Schema[] {
  const { properties = {}, patternProperties = {}, additionalProperties, items, anyOf = [] } = schema;
  const own = properties[key];
  return [
    ...(own ? [own] : []),
    ...(key === "*" ? Object.values(patternProperties) : []),
    ...(key === "*" && typeof additionalProperties === "object" ? [additionalProperties] : []),
    ...(items ? step(items, key) : []),
    ...anyOf.flatMap((one) => step(one, key)),
  ];
}
