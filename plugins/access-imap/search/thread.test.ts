import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Pace } from "../pace.ts";
import { baseSubject } from "./base-subject.ts";
import { threadByReferences } from "./thread-references.ts";
import { threadBySubject } from "./thread-subject.ts";
import { formatThreads, type ThreadedMessage, type ThreadNode } from "./thread-tree.ts";

describe("base subjects (RFC 5256 2.1)", () => {
  it.each([
    ["lunch", "lunch", false],
    ["Re: lunch", "lunch", true],
    ["RE: re:FW: Fwd: lunch", "lunch", true],
    ["re [2]: lunch", "lunch", true],
    ["[list] Re: lunch", "lunch", true],
    ["Re: [list] lunch", "lunch", true],
    ["[list] lunch", "lunch", false],
    ["[a] [b] lunch", "lunch", false],
    ["[list]", "[list]", false],
    ["[a] [b]", "[b]", false],
    ["Re: [list]", "[list]", true],
    ["lunch (fwd)", "lunch", true],
    ["lunch (fwd) (FWD)  ", "lunch", true],
    ["[Fwd: lunch]", "lunch", true],
    ["[fwd: Re: [fwd: lunch (fwd)]]", "lunch", true],
    ["lunch  at\r\n\tnoon", "lunch at noon", false],
    ["=?utf-8?q?Re=3A_gr=C3=BCn?=", "grün", true],
    ["Regards", "Regards", false],
    ["re", "re", false],
    ["re:", "", true],
    ["", "", false],
    ["[unclosed Re: x", "[unclosed Re: x", false],
  ])("%j", (subject, text, isReplyOrForward) => {
    expect(baseSubject(subject)).toEqual({ text, isReplyOrForward });
  });

  it("costs no more for hostile subjects", () => {
    for (const piece of ["[", "[]", "re:", "(fwd)", "[fwd:", "]", "[a] "]) {
      expect(baseSubject(piece.repeat(100_000)).text.length).toBeLessThanOrEqual(8192);
    }
  });
});

interface Given {
  readonly id?: string | null;
  readonly refs?: readonly string[];
  readonly subject?: string;
  readonly sent?: number;
  readonly arrived?: number;
  readonly isReply?: boolean;
}

const messages = (...given: readonly Given[]): ThreadedMessage[] =>
  given.map(({ id, refs = [], subject = `s${id}`, sent, arrived, isReply = false }, at) => ({
    ...{ shown: at + 1, number: at + 1, sentDate: sent ?? at, internalDate: arrived ?? at },
    ...{ messageId: id ?? null, references: refs, subject, isReplyOrForward: isReply },
  }));
const written = (roots: readonly ThreadNode[]): string => [...formatThreads(roots)].join("");
const pace = () => new Pace(new AbortController().signal);
const references = async (...given: readonly Given[]) =>
  written(await threadByReferences(messages(...given), { mergesSubjects: true, pace: pace() }));
const refs = async (...given: readonly Given[]) =>
  written(await threadByReferences(messages(...given), { mergesSubjects: false, pace: pace() }));

describe("THREAD=REFERENCES (RFC 5256 3)", () => {
  it("links chains of references, whatever order the messages are in", async () => {
    expect(
      await references({ id: "c", refs: ["a", "b"], sent: 3 }, { id: "a", sent: 1 }, { id: "b", refs: ["a"], sent: 2 }),
    ).toBe("(2 3 1)");
  });

  it("believes a message about its own parent", async () => {
    expect(await references({ id: "a" }, { id: "b" }, { id: "c", refs: ["a", "d"] }, { id: "d", refs: ["b"] })).toBe(
      "(1)(2 4 3)",
    );
  });

  it("makes no loops", async () => {
    expect(await references({ id: "a", refs: ["b"] }, { id: "b", refs: ["a"] })).toBe("(2 1)");
    expect(await references({ id: "a", refs: ["a"] })).toBe("(1)");
    expect(await references({ id: "a", refs: ["b", "c"] }, { id: "c", refs: ["a", "b"] })).toMatch(/^\(.*\)$/);
  });

  it("keeps siblings of a missing parent together, and promotes a single one", async () => {
    expect(await references({ id: "a", refs: ["gone"] }, { id: "b", refs: ["gone"] })).toBe("((1)(2))");
    expect(await references({ id: "a", refs: ["gone", "lost"] })).toBe("(1)");
    expect(await references({ id: "r" }, { id: "a", refs: ["r", "gone"] }, { id: "b", refs: ["r", "gone"] })).toBe(
      "(1 (2)(3))",
    );
  });

  it("takes messages without an id, and with one that is taken, for themselves", async () => {
    expect(await references({ id: null }, { id: "a" }, { id: "a", refs: ["a"] })).toBe("(1)(2 3)");
  });

  it("merges threads of one subject", async () => {
    const re = { subject: "x", isReply: true };
    expect(await references({ id: "a", subject: "x" }, { id: "b", ...re })).toBe("(1 2)");
    expect(await references({ id: "b", ...re }, { id: "a", subject: "x" })).toBe("(2 1)");
    expect(await references({ id: "a", subject: "x" }, { id: "b", subject: "x" })).toBe("((1)(2))");
    expect(await references({ id: "a", ...re }, { id: "b", ...re }, { id: "c", ...re })).toBe("((1)(2)(3))");
    expect(await references({ id: "a", subject: "" }, { id: "b", subject: "" })).toBe("(1)(2)");
  });

  it("puts siblings and threads in the order of their dates", async () => {
    expect(
      await references(
        { id: "a", sent: 9 },
        { id: "b", sent: 5 },
        { id: "c", refs: ["b"], sent: 8 },
        { id: "d", refs: ["b"], sent: 7 },
      ),
    ).toBe("(2 (4)(3))(1)");
  });

  it("has every message once, and ends, for any references", async () => {
    const id = fc.constantFrom("a", "b", "c", "d", "e", "f");
    const message = fc.record({
      id,
      refs: fc.array(id, { maxLength: 4 }),
      subject: fc.constantFrom("x", "y", ""),
      isReply: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 12 }), fc.boolean(), async (given, merges) => {
        const text = written(await threadByReferences(messages(...given), { mergesSubjects: merges, pace: pace() }));
        const numbers = (text.match(/\d+/g) ?? []).map(Number).sort((a, b) => a - b);
        expect(numbers).toEqual(given.map((_, at) => at + 1));
        // RFC 5256 4: a thread has no empty parentheses, and blanks stand between numbers only.
        expect(text).not.toMatch(/\(\)|\( | \)|\) |\d\(|\)\d/);
      }),
    );
  });

  it("needs no stack for a chain of any length", async () => {
    const chain = Array.from({ length: 30_000 }, (_, at) => ({ id: `m${at}`, refs: at === 0 ? [] : [`m${at - 1}`] }));
    const all = [...chain, ...chain.map(({ id }) => ({ id: `x${id}`, refs: [id] }))];
    expect((await refs(...all)).length).toBeGreaterThan(60_000);
  });
});

describe("THREAD=REFS", () => {
  it("does not look at subjects, and puts the latest thread last", async () => {
    expect(
      await refs(
        { id: "a", subject: "x", arrived: 1 },
        { id: "b", subject: "x", isReply: true, arrived: 2 },
        { id: "c", refs: ["a"], arrived: 3 },
      ),
    ).toBe("(2)(1 3)");
  });
});

describe("THREAD=ORDEREDSUBJECT", () => {
  it("makes the first message of a subject the parent of all others", () => {
    const all = messages(
      { subject: "x", sent: 5 },
      { subject: "x", sent: 3 },
      { subject: "y", sent: 4 },
      { subject: "x", sent: 9 },
    );
    expect(written(threadBySubject(all))).toBe("(2 (1)(4))(3)");
  });
});
