import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "./nearest.ts";
import { prepareSchema } from "./schema.ts";
import { validate } from "./validate.ts";

const brief = (schema: object, value: unknown) => {
  const checked = validate(schema, value);
  return checked.ok ? checked.value : checked.problems.map(({ text, expected }) => `${text}; ${expected}`);
};

describe("validating options", () => {
  it("closes objects at every depth, but for records", () => {
    const inner = Type.Object({ a: Type.Optional(Type.String()) });
    const schema = Type.Object({
      one: Type.Optional(inner),
      list: Type.Optional(Type.Array(inner)),
      free: Type.Optional(Type.Record(Type.String(), inner)),
    });
    expect(brief(schema, { one: { b: 1 }, list: [{}, { b: 1 }], free: { x: {}, y: { b: 1 } } })).toEqual([
      'unknown key "b"; one of: a',
      'unknown key "b"; one of: a',
      'unknown key "b"; one of: a',
    ]);
    expect(brief(schema, { free: { any: { a: "x" } } })).toEqual({ free: { any: { a: "x" } } });
  });

  it("fills nested tables whose keys all have defaults, and only those", () => {
    const schema = Type.Object({
      outer: Type.Object({ inner: Type.Object({ a: Type.Integer({ default: 3 }) }) }),
      asked: Type.Optional(Type.Object({ a: Type.Integer({ default: 3 }) })),
    });
    expect(brief(schema, {})).toEqual({ outer: { inner: { a: 3 } } });
    const needy = Type.Object({ outer: Type.Object({ a: Type.Integer({ default: 3 }), b: Type.String() }) });
    expect(brief(needy, {})).toEqual(['"outer" is missing; outer: a table with b (known: a, b)']);
  });

  it("says what is missing beside what is wrong", () => {
    const schema = Type.Object({ a: Type.String(), b: Type.Integer({ minimum: 1 }), c: Type.Boolean() });
    expect(brief(schema, { b: 0 })).toEqual([
      '"a" is missing; a: text',
      '"c" is missing; c: true or false',
      '"b" is 0; a whole number of at least 1',
    ]);
  });

  it("finds the branch of a union that was meant by its fixed word, also inside another union", () => {
    const by = (via: string, more: object) => Type.Object({ via: Type.Literal(via), ...more });
    const inner = Type.Union([by("tcp", { port: Type.Integer() }), by("unix", { path: Type.String() })]);
    const schema = Type.Object({ db: Type.Union([by("sql", { at: inner }), by("ldap", { base: Type.String() })]) });
    expect(brief(schema, { db: { via: "sql", at: { via: "tcp", port: "x" } } })).toEqual([
      '"db.at.port" is "x"; a whole number',
    ]);
    expect(brief(schema, { db: 5 })).toEqual([expect.stringMatching(/^"db" is 5; a table/)]);
  });

  it("does not touch the value it is given, nor pollute prototypes", () => {
    const given = JSON.parse('{ "__proto__": { "polluted": true }, "a": {} }');
    const schema = Type.Object({ a: Type.Object({ b: Type.String({ default: "x" }) }) });
    expect(brief(schema, given)).toEqual([expect.stringMatching(/unknown key "__proto__"/)]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(given.a).toEqual({});
  });

  it.each([
    [{ type: "object", properties: { a: { allOf: [] } } }, /intersection/],
    [
      { type: "object", properties: { a: { anyOf: [{ type: "string", default: "x" }] } } },
      /"a" has a default inside a union/,
    ],
    [{ type: "object", properties: { a: { type: "string", minimun: 3 } } }, /minimun/],
  ])("refuses a schema that cannot be trusted: %j", (schema, message) => {
    expect(() => validate(schema, {})).toThrow(message);
  });

  it("leaves the schema itself as it was", () => {
    const schema = Type.Object({ a: Type.Object({ b: Type.String({ default: "x" }) }) });
    const before = JSON.stringify(schema);
    prepareSchema({ ...schema });
    validate(schema, {});
    expect(JSON.stringify(schema)).toBe(before);
  });
});

describe("the nearest word", () => {
  it.each([
    ["limt", ["limit", "list"], "limit"],
    ["message_size", ["messageSize", "recipients"], "messageSize"],
    ["netwroks", ["networks", "authenticated"], "networks"],
    ["xyz", ["limit", "list"], null],
    ["", ["limit"], null],
  ])("to %s among %j is %s", (word, known, expected) => expect(nearest(word, known)).toBe(expected));
  it("counts a swap of neighbours as one slip", () => {
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
  });
});
