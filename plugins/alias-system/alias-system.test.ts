import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { offerOf, openingOf, sendText } from "postern/testing";
import { describe, expect, it } from "vitest";
import { errors, refusal, type Site, site } from "./testing/site.ts";

async function leavesOf(aliases: readonly string[], to: string, options?: object) {
  const { flow, delivered } = await (await site(...aliases)).open(options);
  const sent = await sendText(flow, { to: [to] });
  await flow.quiet();
  return refusal(sent) ?? delivered.flatMap(({ from, to: all }) => all.map((one) => `${from} ${one}`)).sort();
}

const bob = (...to: readonly string[]) => to.map((one) => `bob@example.net ${one}`);

describe("aliases", () => {
  it.each<[string, readonly string[], string, readonly string[] | string]>([
    ["in turn, without case", ["root: Postmaster", "POSTMASTER: ann"], "Root@example.org", bob("ann@example.org")],
    [
      "to several, here and elsewhere",
      ["sales: ann, x@away.example"],
      "sales@example.org",
      bob("ann@example.org", "x@away.example"),
    ],
    ["in every local domain", ["sales: ann"], "sales@mx.example.org", bob("ann@example.org")],
    ["with extension before without", ["a: ann", "a+x: carl"], "a+x@example.org", bob("carl@example.org")],
    ["extensions stay behind", ["a: ann"], "a+y@example.org", bob("ann@example.org")],
    ["quoted names", ['"a b": ann'], '"A B"@example.org', bob("ann@example.org")],
    ["that name themselves", ["ann: ann, carl"], "ann@example.org", bob("ann@example.org", "carl@example.org")],
    ["in a circle", ["a: b, ann", "b: a"], "a@mx.example.org", bob("ann@example.org")],
    ["final targets", ["a: \\ann", "ann: carl"], "a@example.org", bob("ann@example.org")],
    ["and others", ["a: ann", "ann: carl"], "a@example.org", bob("carl@example.org")],
    [
      "a list with an owner",
      ["l: ann, carl", "owner-l: bob"],
      "l@example.org",
      ["owner-l@example.org ann@example.org", "owner-l@example.org carl@example.org"],
    ],
    [
      "the owner itself",
      ["l: ann", "owner-l: carl", "owner-owner-l: bob"],
      "owner-l@example.org",
      bob("carl@example.org"),
    ],
    ["nobody", ["a: ann"], "nobody@example.org", "5.1.1 No such user here"],
    ["one that leads nowhere", ["a: nobody-at-all"], "a@example.org", "5.1.1 No such user here"],
    ["not in foreign domains", ["a: ann"], "a@away.example", "5.7.1 Relaying denied"],
  ])("%s", async (_, aliases, to, expected) => {
    const leaves = await leavesOf(aliases, to);
    if (typeof expected === "string") expect(String(leaves).slice(0, 5)).toBe(expected.slice(0, 5));
    else expect(leaves).toEqual(expected);
  });

  it("a bounce stays one on its way through a list", async () => {
    const { flow, delivered } = await (await site("l: ann", "owner-l: bob")).open();
    await sendText(flow, { opening: openingOf({ from: null }), to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered).toMatchObject([{ from: null, to: ["ann@example.org"] }]);
  });

  it.each([
    ["a bad target", ["a: ann, b c"], /b c/],
    ["a command without permission", ['a: ann, "|/bin/true"'], /not allowed/],
    ["a file without permission", ["a: ann, /tmp/x"], /not allowed/],
    ["a list that is not there", ["a: ann, :include:/nowhere/list"], /does not exist/],
  ])("%s puts the mail off, for all of its targets", async (_, aliases, text) => {
    const { flow, delivered } = await (await site(...aliases)).open();
    expect(refusal(await sendText(flow, { to: ["a@example.org"] }))).toBe("4.3.5 This alias leads nowhere at present");
    expect(errors(flow)).toMatch(text);
    expect(delivered).toEqual([]);
  });

  it("a table of patterns is none", async () => {
    await expect((await site()).open({ maps: ["pcre:{{/^(.*)$/ |$1}}"] })).rejects.toThrow(/patterns/);
  });
});

describe(":include:", () => {
  it("puts the file's addresses in, comments and nested lists too", async () => {
    const { write, open } = await site("l: :include:{}/list");
    await write("list", "# all of us", "ann, carl", "", ":include:{}/more", ":include:{}/list");
    await write("more", '"x y"@away.example (a friend)', "Zoe <z@away.example>");
    const { flow, delivered } = await open();
    await sendText(flow, { to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered.flatMap(({ to }) => to).sort()).toEqual(
      ['"x y"@away.example', "ann@example.org", "carl@example.org", "z@away.example"].sort(),
    );
  });

  it("is read anew each time", async () => {
    const { write, open } = await site("l: :include:{}/list");
    await write("list", "ann");
    const { flow, delivered } = await open();
    await sendText(flow, { to: ["l@example.org"] });
    await write("list", "carl");
    await sendText(flow, { to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to[0]).sort()).toEqual(["ann@example.org", "carl@example.org"]);
  });

  it.each<[string, (site: Site) => Promise<unknown>, RegExp]>([
    ["that everybody may write", ({ directory }) => chmod(join(directory, "list"), 0o666), /everybody/],
    ["in a directory that everybody may write", ({ directory }) => chmod(directory, 0o777), /everybody/],
    ["with a bad line", ({ write }) => write("list", "ann", "a b"), /list:2/],
    ["with a command", ({ write }) => write("list", "|/bin/true"), /no place/],
    [
      "that is a directory",
      async ({ directory }) => {
        await rm(join(directory, "list"));
        await mkdir(join(directory, "list"));
      },
      /no file/,
    ],
  ])("%s is not used", async (_, spoil, text) => {
    const made = await site("l: :include:{}/list");
    await made.write("list", "ann");
    await spoil(made);
    const { flow } = await made.open({ allow: ["includes", "commands"] });
    expect(refusal(await sendText(flow, { to: ["l@example.org"] }))).toMatch(/^4\.3\.5/);
    expect(errors(flow)).toMatch(text);
  });
});

it("the sender's wishes stay with an alias", async () => {
  const { flow, delivered } = await (await site("a: ann")).open();
  await sendText(flow, { to: [offerOf("a@example.org", { notify: new Set(["never"]) })] });
  await flow.quiet();
  expect(delivered).toHaveLength(1);
});
