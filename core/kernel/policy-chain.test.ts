/** How the answers of policies combine. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import type { PolicyResult } from "../contracts/kernel.ts";
import type { HookTrace } from "../contracts/trace.ts";
import { keptLog, kernelOf, kernelWith, type Listed } from "../testing/kernel.ts";
import { envelopeOf, messageOf, sessionOf } from "../testing/mail.ts";
import { definePlugin } from "./define.ts";
import { defineLabel } from "./label.ts";
import { allow, amend, defer, discard, proceed, quarantine, reject } from "./verdicts.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin({ name, api: 1, setup: () => ({ hooks }) });
const message = messageOf("Subject: x\n\nbody\n");

const words = {
  proceed: () => proceed,
  allow: () => allow("friend"),
  reject: () => reject("no"),
  defer: () => defer("not now"),
  discard: () => discard("noise"),
  quarantine: () => quarantine("odd"),
};
type Word = keyof typeof words;

async function combined(...said: readonly Word[]): Promise<PolicyResult> {
  const plugins = said.map((word, index) => plugin(`policy-${index}`, { message: words[word] }));
  return (await kernelOf(...plugins)).policy("message", envelopeOf(), message);
}

describe("a policy chain", () => {
  it.each<[readonly Word[], Word, string | null]>([
    [[], "proceed", null],
    [["proceed", "proceed"], "proceed", null],
    [["proceed", "reject"], "reject", "policy-1"],
    [["reject", "defer"], "reject", "policy-0"],
    [["defer", "reject"], "defer", "policy-0"],
    [["allow", "reject"], "allow", "policy-0"],
    [["proceed", "allow", "reject"], "allow", "policy-1"],
    [["discard"], "discard", "policy-0"],
    [["discard", "proceed"], "discard", "policy-0"],
    [["discard", "reject"], "reject", "policy-1"],
    [["discard", "defer"], "defer", "policy-1"],
    [["discard", "quarantine"], "quarantine", "policy-1"],
    [["quarantine", "discard"], "quarantine", "policy-0"],
    [["quarantine", "quarantine"], "quarantine", "policy-0"],
    [["quarantine", "allow", "reject"], "quarantine", "policy-0"],
  ])("of %j ends with %s by %s", async (said, verdict, by) => {
    const result = await combined(...said);
    expect(result.verdict.verdict).toBe(verdict);
    expect(result.by).toBe(by);
  });

  it("combines answers that come later just as those that come at once", async () => {
    const slow = plugin("policy-slow", { message: async () => discard("noise") });
    const slower = plugin("policy-slower", { message: async () => proceed });
    const result = await (await kernelOf(slow, slower)).policy("message", envelopeOf(), message);
    expect(result).toMatchObject({ verdict: { verdict: "discard" }, by: "policy-slow" });
  });

  it("asks nobody behind a refusal", async () => {
    const asked: string[] = [];
    const note = (name: string, verdict: Word) =>
      plugin(name, {
        message() {
          asked.push(name);
          return words[verdict]();
        },
      });
    const kernel = await kernelOf(note("a", "proceed"), note("b", "reject"), note("c", "proceed"));
    kernel.policy("message", envelopeOf(), message);
    expect(asked).toEqual(["a", "b"]);
  });

  it("takes verdicts of another copy of postern/plugin", async () => {
    const foreign = plugin("policy-foreign", { message: () => structuredClone(proceed) });
    const kernel = await kernelOf(foreign, plugin("policy-no", { message: () => structuredClone(reject("no")) }));
    expect(kernel.policy("message", envelopeOf(), message)).toMatchObject({ by: "policy-no" });
  });

  it("keeps two calls at once apart", async () => {
    const waiting: (() => void)[] = [];
    const slow = plugin("policy-slow", {
      helo: async (_session, name) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return name === "bad" ? reject("bad") : proceed;
      },
    });
    const kernel = await kernelOf(slow);
    const results = Promise.all(["bad", "good"].map((name) => kernel.policy("helo", sessionOf({ id: name }), name)));
    // The second one ends first.
    for (const go of waiting.toReversed()) go();
    expect((await results).map(({ verdict }) => verdict.verdict)).toEqual(["reject", "proceed"]);
  });
});

describe("an amend", () => {
  const Score = defineLabel("test-score", Type.Number());

  it("goes on, and hands its changes back in the order given", async () => {
    const kernel = await kernelOf(
      plugin("a", { message: () => amend({ op: "prepend", header: "X-A", value: "1" }) }),
      plugin("b", { message: () => amend({ op: "removeHeader", header: "X-B" }, { op: "hold", reason: "odd" }) }),
    );
    const { verdict, by, changes } = await kernel.policy("message", envelopeOf(), message);
    expect(verdict).toBe(proceed);
    expect(by).toBeNull();
    expect(changes.map(({ op }) => op)).toEqual(["prepend", "removeHeader", "hold"]);
  });

  it("shows its labels to the next plugin at once", async () => {
    const kernel = await kernelOf(
      plugin("filter-score", { message: () => amend(Score.set(12)) }),
      plugin("policy-score", { message: (envelope) => ((Score.of(envelope) ?? 0) > 10 ? reject("spam") : proceed) }),
    );
    expect(await kernel.policy("message", envelopeOf(), message)).toMatchObject({ by: "policy-score" });
  });

  it("has no effect at all in shadow, but is logged", async () => {
    const { log, lines } = keptLog();
    const score: Listed = [plugin("filter-score", { message: () => amend(Score.set(12)) }), {}, { shadow: true }];
    const kernel = await kernelWith({ log }, score);
    const envelope = envelopeOf();
    expect(await kernel.policy("message", envelope, message)).toMatchObject({ changes: [] });
    expect(envelope.label("test-score")).toBeUndefined();
    expect(lines).toContainEqual(
      expect.objectContaining({ level: "info", text: "filter-score at message would have said amend" }),
    );
  });

  it("with a value that the label refuses is a fault", async () => {
    const kernel = await kernelOf(
      plugin("filter-score", { message: () => amend(Score.set("12" as unknown as number)) }),
    );
    expect(await kernel.policy("message", envelopeOf(), message)).toMatchObject({ verdict: { verdict: "defer" } });
  });
});

describe("shadow", () => {
  it("logs a refusal and lets the next one decide", async () => {
    const { log, lines } = keptLog();
    const strict: Listed = [
      plugin("policy-strict", { helo: () => reject("no", { detail: "7.1" }) }),
      {},
      { shadow: true },
    ];
    const kernel = await kernelWith({ log }, strict, plugin("policy-late", { helo: () => defer("later") }));
    expect(await kernel.policy("helo", sessionOf(), "x")).toMatchObject({ by: "policy-late" });
    const line = lines.find(({ fields }) => "shadow" in fields);
    expect(line?.fields).toMatchObject({ hook: "helo", shadow: { verdict: "reject", refusal: { detail: "7.1" } } });
  });
});

describe("when", () => {
  const refuse = plugin("policy-no", { helo: () => reject("no"), mailFrom: () => reject("no") });
  const on = (role: string, name = `${role}-1`) => sessionOf({ listener: { role, name } });
  const verdictOf = async (when: { role?: string[]; listener?: string[] }, session: ReturnType<typeof on> | null) => {
    const entry = { when: { role: when.role ?? null, listener: when.listener ?? null } };
    const kernel = await kernelOf([refuse, {}, entry]);
    return (await kernel.policy("mailFrom", envelopeOf({ session }), null)).verdict.verdict;
  };

  it.each([
    [{ role: ["mx"] }, on("mx"), "reject"],
    [{ role: ["mx"] }, on("submission"), "proceed"],
    [{ role: ["mx", "lmtp"] }, on("lmtp"), "reject"],
    [{ listener: ["inner"] }, on("mx", "inner"), "reject"],
    [{ listener: ["inner"] }, on("mx", "outer"), "proceed"],
    [{ role: ["mx"], listener: ["inner"] }, on("submission", "inner"), "proceed"],
    [{ role: ["mx"] }, null, "reject"],
  ])("%j", async (when, session, verdict) => {
    expect(await verdictOf(when, session)).toBe(verdict);
  });
});

describe("the trace", () => {
  it("has each call of a handler with its verdict and its time", async () => {
    const seen: HookTrace[] = [];
    const listen = (event: unknown) => seen.push(event as HookTrace);
    subscribe("postern:hook", listen);
    try {
      const kernel = await kernelOf(
        plugin("policy-a", { helo: () => proceed }),
        plugin("policy-b", { helo: async () => reject("no") }),
      );
      await kernel.policy("helo", sessionOf(), "client");
    } finally {
      unsubscribe("postern:hook", listen);
    }
    expect(seen).toMatchObject([
      {
        hook: "helo",
        entry: "policy-a",
        verdict: { verdict: "proceed" },
        isFault: false,
        args: [{ id: "S1" }, "client"],
      },
      {
        hook: "helo",
        entry: "policy-b",
        verdict: { verdict: "reject" },
        isFault: false,
        durationMs: expect.any(Number),
      },
    ]);
  });
});
