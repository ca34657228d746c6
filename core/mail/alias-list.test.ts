import { describe, expect, it } from "vitest";
import { parseAliasList } from "./alias-list.ts";

const address = (text: string, isFinal = false) => ({ kind: "address", text, isFinal });

describe("targets of an alias", () => {
  it.each([
    ["bob", [address("bob")]],
    ["bob, ann@example.org,,carol ", [address("bob"), address("ann@example.org"), address("carol")]],
    ["\\bob", [address("bob", true)]],
    ['"bob smith"@example.org', [address('"bob smith"@example.org')]],
    ["Bob Smith <bob@example.org>", [address("bob@example.org")]],
    ["bob (his (own) mailbox), ann", [address("bob"), address("ann")]],
    ['"|/usr/bin/tool -a \\"x, y\\""', [{ kind: "command", command: '/usr/bin/tool -a "x, y"' }]],
    ["|/usr/bin/tool ann", [{ kind: "command", command: "/usr/bin/tool ann" }]],
    ['|"/usr/bin/tool a, b", bob', [{ kind: "command", command: '"/usr/bin/tool a, b"' }, address("bob")]],
    ["/var/mail/archive", [{ kind: "file", path: "/var/mail/archive" }]],
    ['"/var/mail/an archive"', [{ kind: "file", path: "/var/mail/an archive" }]],
    [":include:/etc/lists/all", [{ kind: "include", path: "/etc/lists/all" }]],
    ['":include:/etc/lists/all of us"', [{ kind: "include", path: "/etc/lists/all of us" }]],
    ["one\ntwo", [address("one"), address("two")]],
  ])("%s", (value, targets) => {
    expect(parseAliasList(value)).toEqual({ targets, mistakes: [] });
  });

  it.each([
    ["bob ann", /comma/],
    ['"bob', /does not end/],
    ["bob (a comment", /does not end/],
    ["|", /no command/],
    [":include:lists/all", /absolute/],
    [":fail: no such user", /:include:/],
    ["~/mbox", /absolute/],
    ["<>", /no address/],
    ["a\u0007b", /control/],
  ])("%s is a mistake", (value, text) => {
    const { targets, mistakes } = parseAliasList(`good, ${value}`);
    expect(targets).toEqual([address("good")]);
    expect(mistakes).toEqual([expect.stringMatching(text)]);
  });
});
