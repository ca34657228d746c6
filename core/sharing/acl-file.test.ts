/** Rights in files: what is read, what is refused, and that nothing unclear ever gives anybody more. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRights, formatWithObsolete, parseRights, type Rights } from "../mail/acl-rights.ts";
import { changedAcl, parseAcl, withoutEntry } from "./acl-file.ts";
import { effectiveRights, type Groups, subjectsOf } from "./effective-rights.ts";

const rightsOf = (text: string): Rights => parseRights(text) ?? new Set();
const bob = { login: "bob", isOwner: false };
const ann = { login: "ann", isOwner: true };
const none: Groups = new Map();
const of = (text: string, reader = bob, groups = none) => formatRights(effectiveRights(parseAcl(text), reader, groups));

describe("rights as letters", () => {
  it.each([
    ["lr", "lr", "lr"],
    ["rl", "lr", "lr"],
    ["lrc", "lrkx", "lrkxc"],
    ["d", "te", "ted"],
    ["", "", ""],
    ["lrswipkxtea", "lrswipkxtea", "lrswipkxteacd"],
  ])("%j", (text, known, told) => {
    expect(formatRights(rightsOf(text))).toBe(known);
    expect(formatWithObsolete(rightsOf(text))).toBe(told);
  });

  it.each(["q", "l r", "L", "0", "lr\n"])("%j are none", (text) => {
    expect(parseRights(text)).toBeNull();
  });
});

describe("a file of rights", () => {
  it.each([
    "user=bob lrz",
    "user=bob lrc",
    "user=bob l r",
    "bob lr",
    "user= lr",
    '"user=bob lr',
    "user=b\u0001b lr",
    "user=bob :lookup fly",
    "group lr",
    "user=b\ufffdb lr",
  ])("with %j is closed to all but the owner, who is told the line", (line) => {
    const text = `# comment\nanyone lrswite\n${line}\n`;
    expect(parseAcl(text).damaged).toEqual([{ line: 3, why: expect.any(String) }]);
    expect(of(text)).toBe("");
    expect(of(text, ann)).toBe("lrswipkxtea");
  });

  it("never gives more with a group that nobody knows", () => {
    const groups: Groups = new Map([["staff", new Set(["bob"])]]);
    expect(of("group=old lrs\n")).toBe("");
    expect(of("anyone lrs\n-group=old rs\n")).toBe("l");
    expect(of("anyone lrs\ngroup-override=old l\n")).toBe("l");
    expect(of("anyone lrs\n-group=old rs\n", ann)).toBe("lrswipkxtea");
    expect(of("anyone l\ngroup=staff lr\n", bob, groups)).toBe("lr");
    expect(subjectsOf("bob", groups)).toContain("group=staff");
    expect(subjectsOf("cid", groups)).not.toContain("group=staff");
  });

  it("does not take a user for another, whatever he is called", () => {
    for (const login of ["bob ", "Bob", "bob\\", 'b"ob', "anyone", "owner", "authenticated", "group=staff", "-bob"]) {
      const text = changedAcl("", {
        subject: `user=${login}`,
        isNegative: false,
        mode: "replace",
        rights: rightsOf("lr"),
      });
      expect(parseAcl(text)).toMatchObject({ entries: [{ subject: `user=${login}` }], damaged: [] });
      expect(of(text)).toBe("");
      expect(formatRights(effectiveRights(parseAcl(text), { login, isOwner: false }, none))).toBe("lr");
    }
  });

  it("keeps an owner who locks himself out", () => {
    expect(of("owner\n", ann)).toBe("la");
    expect(of("-owner lrswipkxtea\n", ann)).toBe("la");
    expect(of("user=ann r\n", ann)).toBe("lra");
  });

  it("holds what was set, whatever was there", () => {
    const letters = fc.subarray("lrswipkxtea".split(""));
    const login = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
      .filter((text) => !/[\p{Cc}\ufffd]/u.test(text));
    const change = fc.record({
      subject: fc.oneof(
        login.map((name) => `user=${name}`),
        fc.constantFrom("anyone", "owner", "group=staff"),
      ),
      isNegative: fc.boolean(),
      letters,
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        let text = "# by hand\n";
        const expected = new Map<string, string>();
        for (const { subject, isNegative, letters: some } of changes) {
          const rights = rightsOf(some.join(""));
          text = changedAcl(text, { subject, isNegative, mode: "replace", rights });
          if (isNegative && rights.size === 0) expected.delete(`-${subject}`);
          else expected.set((isNegative ? "-" : "") + subject, formatRights(rights));
        }
        const parsed = parseAcl(text);
        expect(parsed.damaged).toEqual([]);
        const held = parsed.entries.map(({ subject, isNegative, rights }) => [
          (isNegative ? "-" : "") + subject,
          formatRights(rights),
        ]);
        expect(new Map(held as [string, string][])).toEqual(expected);
        for (const { subject, isNegative } of parsed.entries) text = withoutEntry(text, { subject, isNegative });
        expect(text).toBe("# by hand\n");
      }),
    );
  });
});
