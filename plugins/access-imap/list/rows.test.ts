/** The examples of RFC 5258 5 and RFC 9051 6.3.9.8, word by word. */
import { describe, expect, it } from "vitest";
import { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseListRequest } from "./arguments.ts";
import { MailboxPatterns } from "./patterns.ts";
import { candidateNames, type Known, listRows } from "./rows.ts";

function known(
  names: readonly string[],
  subscriptions: readonly string[] = [],
  uses: Record<string, string> = {},
): Known {
  const all = new Set(names);
  for (const name of names)
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) all.add(name.slice(0, at));
  return {
    subscriptions,
    listings: [...all].map((name) => ({
      name,
      isSelectable: names.includes(name),
      hasChildren: names.some((other) => other.startsWith(`${name}/`)),
      isSubscribed: subscriptions.includes(name),
      specialUse: (uses[name] ?? null) as never,
    })),
  };
}

/** Rows as `name attributes`, without what is always told. */
function list(all: Known, text: string): string[] {
  const request = parseListRequest(new CommandParser([` ${text}`]));
  const patterns = new MailboxPatterns(request.patterns.map((pattern) => `${request.reference}${pattern}`));
  const matching = candidateNames(all, request).filter((name) => patterns.matches(name));
  return [...listRows(all, request, new Set(matching))].map(({ name, attributes, childInfo }) =>
    [
      name,
      ...attributes.filter((word) => !/Children$/.test(word)),
      ...(childInfo.length > 0 ? [`(${childInfo})`] : []),
    ].join(" "),
  );
}

const fruit = known(
  ["INBOX", "Fruit", "Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable", "Vegetable/Broccoli", "Vegetable/Corn"],
  ["INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"],
);

describe("an extended LIST", () => {
  it("selects what is subscribed, also what is not there", () => {
    expect(list(fruit, '(SUBSCRIBED) "" "*"')).toEqual([
      "INBOX \\Subscribed",
      "Fruit/Banana \\Subscribed",
      "Fruit/Peach \\Subscribed \\NonExistent",
      "Vegetable \\Subscribed",
      "Vegetable/Broccoli \\Subscribed",
    ]);
  });

  it("tells with RETURN (SUBSCRIBED) of what is there only", () => {
    expect(list(fruit, '(REMOTE) "" "*" RETURN (SUBSCRIBED)')).toEqual([
      "INBOX \\Subscribed",
      "Fruit",
      "Fruit/Apple",
      "Fruit/Banana \\Subscribed",
      "Tofu",
      "Vegetable \\Subscribed",
      "Vegetable/Broccoli \\Subscribed",
      "Vegetable/Corn",
    ]);
  });

  it.each([
    [["Foo/Baz"], '(SUBSCRIBED) "" "*"', ["Foo/Baz \\Subscribed"]],
    [["Foo/Baz"], '(SUBSCRIBED) "" "%"', []],
    [["Foo/Baz"], '(SUBSCRIBED RECURSIVEMATCH) "" "%"', ["Foo (SUBSCRIBED)"]],
    [["Foo", "Foo/Baz"], '(SUBSCRIBED RECURSIVEMATCH) "" "%"', ["Foo \\Subscribed (SUBSCRIBED)"]],
    [[], '(SUBSCRIBED RECURSIVEMATCH) "" "%"', []],
    [["Foo", "Moo"], '(SUBSCRIBED RECURSIVEMATCH) "" "%" RETURN (CHILDREN)', ["Foo \\Subscribed", "Moo \\Subscribed"]],
  ])("with %j subscribed: %s", (subscriptions, text, answer) => {
    expect(list(known(["INBOX", "Foo", "Foo/Bar", "Foo/Baz", "Moo"], subscriptions), text)).toEqual(answer);
  });

  it("tells of parents that do not exist", () => {
    expect(list(known(["Moo", "Foo/Baz"], ["Foo/Baz"]), '(SUBSCRIBED RECURSIVEMATCH) "" "%"')).toEqual([
      "Foo \\NonExistent (SUBSCRIBED)",
    ]);
    const music = known(["music/rock", "also/jazz"]);
    expect(list(music, '() "" %')).toEqual(["music \\NonExistent", "also \\NonExistent"]);
    expect(list(music, '"" (% music/rock)')).toEqual(["music/rock", "also \\NonExistent"]);
    expect(list(music, '() "" *')).toEqual(["music/rock", "also/jazz"]);
  });

  it("gives CHILDINFO whether or not the children match, and no stand-in for children that are told", () => {
    const all = known(
      [
        "INBOX",
        "foo2",
        "foo2/bar1",
        "foo2/bar2",
        "baz2",
        "baz2/bar2",
        "baz2/bar22",
        "baz2/bar222",
        "eps2",
        "eps2/mamba",
        "qux2/bar2",
      ],
      ["foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "qux2/bar2"],
    );
    expect(list(all, '(RECURSIVEMATCH SUBSCRIBED) "" "*2"').toSorted()).toEqual(
      [
        "foo2 (SUBSCRIBED)",
        "foo2/bar2 \\Subscribed",
        "baz2/bar2 \\Subscribed",
        "baz2/bar22 \\Subscribed",
        "baz2/bar222 \\Subscribed",
        "eps2 \\Subscribed (SUBSCRIBED)",
        "qux2/bar2 \\Subscribed",
      ].toSorted(),
    );
  });

  it("stands in for a subscribed child that does not exist", () => {
    expect(list(known(["foo"], ["foo/bar"]), '(SUBSCRIBED RECURSIVEMATCH) "" foo RETURN (CHILDREN)')).toEqual([
      "foo (SUBSCRIBED)",
    ]);
  });

  it("selects special uses (RFC 6154 5.2), alone and among what is subscribed", () => {
    const all = known(["INBOX", "ToDo", "A/Sent", "Trash"], ["A/Sent"], { "A/Sent": "\\Sent", Trash: "\\Trash" });
    expect(list(all, '(SPECIAL-USE) "" *')).toEqual(["A/Sent \\Sent", "Trash \\Trash"]);
    expect(list(all, '(SPECIAL-USE SUBSCRIBED) "" *')).toEqual(["A/Sent \\Subscribed \\Sent"]);
    expect(list(all, '(SPECIAL-USE RECURSIVEMATCH) "" %')).toEqual(["Trash \\Trash", "A \\NonExistent (SPECIAL-USE)"]);
  });

  it("leaves the basic LIST as it was", () => {
    expect(list(known(["A/B"], ["A/B"]), '"" *')).toEqual(["A/B", "A \\Noselect"]);
  });

  it("says \\NoInferiors where nothing can be made below", () => {
    const deep = Array.from({ length: 50 }, () => "a").join("/");
    expect(list(known([deep]), `"" "*/a" RETURN (CHILDREN)`)).toEqual([`${deep} \\NoInferiors`]);
  });

  it.each([
    '(RECURSIVEMATCH) "" *',
    '(REMOTE RECURSIVEMATCH) "" *',
    '(BOGUS) "" *',
    '(SUBSCRIBED) ""',
    '"" ()',
    '"" (a b',
    '"" * RETURN',
    '"" * RETURN CHILDREN',
    '"" * RETURN (BOGUS)',
    '"" * RETURN (STATUS)',
    '"" * RETURN (STATUS ())',
    '"" * RETURN (STATUS (BOGUS))',
    '"" * RETURN (METADATA (/nowhere/x))',
    '"" * RETURN (CHILDREN) more',
    '"" * CHILDREN',
  ])("refuses %s", (text) => {
    expect(() => list(fruit, text)).toThrow(SyntaxFault);
  });
});
