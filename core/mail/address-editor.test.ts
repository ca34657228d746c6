import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AddressSpec, countMailboxes, editAddresses } from "./address-editor.ts";
import { editFields } from "./header.ts";

const qualify = ({ localPart, domain }: AddressSpec) => (domain === null ? `${localPart}@example.org` : null);
const moved = ({ localPart, domain }: AddressSpec) => (domain === "old.example" ? `${localPart}@new.example` : null);

describe("bare names get a domain", () => {
  it.each([
    [" ann", " ann@example.org"],
    [" Ann Smith <ann>", " Ann Smith <ann@example.org>"],
    [" ann, Bob <bob>, c@example.net", " ann@example.org, Bob <bob@example.org>, c@example.net"],
    [' "Smith, Ann" <ann>', ' "Smith, Ann" <ann@example.org>'],
    [' "a b"', ' "a b"@example.org'],
    [" ann (the <one>, here)", " ann@example.org (the <one>, here)"],
    [" (x) ann", " (x) ann@example.org"],
    [" ann.smith", " ann.smith@example.org"],
    [" =?utf-8?q?J=C3=BCrgen?= <jk>", " =?utf-8?q?J=C3=BCrgen?= <jk@example.org>"],
    [" team: ann, Bob <bob>;", " team: ann@example.org, Bob <bob@example.org>;"],
    [" a,\r\n\tb", " a@example.org,\r\n\tb@example.org"],
    [" <@relay.example:ann>", " <@relay.example:ann@example.org>"],
    [" ann . smith", " ann.smith@example.org"],
    [" , ann, ,", " , ann@example.org, ,"],
    [" j\u00c3\u00bcrgen", " j\u00c3\u00bcrgen@example.org"],
  ])("%j", (value, expected) => expect(editAddresses(value, qualify)).toBe(expected));
});

describe("stays as it is", () => {
  it.each([
    "",
    " ann@example.net",
    " ann@[192.0.2.1]",
    " Ann Smith",
    " <>",
    " undisclosed-recipients:;",
    ' "unclosed',
    " (unclosed",
    " (un(closed)",
    " <ann",
    " ann>",
    " <ann> <bob>",
    " <<ann>>",
    " ann bob <cat> dog",
    " ann..smith",
    " .ann",
    " ann@",
    " @example.org",
    " ann@b@c",
    " a\u0000b",
    " <@relay.example>",
    " ann@[192.0.2.1] b",
    " [x]",
    " a\\b",
  ])("%j", (value) => expect(editAddresses(value, qualify)).toBe(value));
});

describe("addresses are exchanged", () => {
  it.each([
    [" Ann <ann@old.example> (hi)", " Ann <ann@new.example> (hi)"],
    [' "<x@old.example>" <y@example.net>', ' "<x@old.example>" <y@example.net>'],
    [" (x@old.example) y@example.net", " (x@old.example) y@example.net"],
    [" x@old.example(c),\r\n y@old.example", " x@new.example(c),\r\n y@new.example"],
    [" <@a,@b:x@old.example>", " <@a,@b:x@new.example>"],
    [" x (one) @ (two) old.example (three)", " x@new.example (one) (two) (three)"],
    [" x@\r\n old.example", " x@new.example"],
    [" g: x@old.example;, z@old.example", " g: x@new.example;, z@new.example"],
    [' "a,b"@old.example', ' "a,b"@new.example'],
  ])("%j", (value, expected) => expect(editAddresses(value, moved)).toBe(expected));

  it("and nothing else, whatever the octets", () => {
    const alphabet = [...'<>@,;:.()"\\[] \t\r\na1\u00ff\u0000'];
    const hostile = fc.array(fc.constantFrom(...alphabet), { maxLength: 60 }).map((chars) => chars.join(""));
    fc.assert(
      fc.property(hostile, (value) => {
        expect(editAddresses(value, () => null)).toBe(value);
        const edited = editAddresses(value, () => "X@Y");
        // Each line end and each quoted string is still there, or the address around it was exchanged.
        expect(edited.length).toBeLessThanOrEqual(value.length + 4 * (value.length + 1));
        countMailboxes(value);
      }),
      { numRuns: 2_000 },
    );
  });
});

it.each([
  [" a@x, b@y", 2],
  [" a@x", 1],
  [" g: a, b;, c", 3],
  [" g:;", 0],
  [' "a, b" <c@d> (e, f)', 1],
  [" , ,", 0],
])("%j has %i mailboxes", (value, count) => expect(countMailboxes(value)).toBe(count));

it("fields are edited in place", () => {
  const block = Buffer.from("To : a\r\nSubject: a\r\nCC: b,\r\n\tc\r\nto: d\r\n\r\n");
  const names = new Set(["to", "cc"]);
  const edited = editFields(block, names, (value) => editAddresses(value, qualify));
  expect(String(edited)).toBe(
    "To : a@example.org\r\nSubject: a\r\nCC: b@example.org,\r\n\tc@example.org\r\nto: d@example.org\r\n\r\n",
  );
  expect(editFields(edited, names, (value) => editAddresses(value, qualify))).toBe(edited);
});
