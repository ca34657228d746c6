/** Whatever a handler does wrong defers, names its plugin in the log, and leaves everybody else alone. */
import { describe, expect, it } from "vitest";
import type { PolicyResult } from "../contracts/kernel.ts";
import { keptLog, kernelWith } from "../testing/kernel.ts";
import { envelopeOf, messageOf, sessionOf } from "../testing/mail.ts";
import { definePlugin, type Plugin } from "./define.ts";
import { hookNames, hookRow } from "./hook-table.ts";
import type { KernelRuntime } from "./kernel.ts";
import { accept, proceed, reject } from "./verdicts.ts";

/** A plugin as JavaScript may write it: the compiler has not seen its handlers. */
const untyped = (name: string, hooks: Record<string, unknown>): Plugin =>
  definePlugin({ name, api: 1, setup: () => ({ hooks: hooks as {} }) });

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

const later = () => new Promise((resolve) => setImmediate(resolve));

const slips: Record<string, { handler: unknown; fault: string; cause: RegExp }> = {
  "a throw": {
    handler() {
      throw new Error("out of cheese");
    },
    fault: "throw",
    cause: /out of cheese/,
  },
  "a rejection after an await": {
    async handler() {
      await later();
      throw new Error("out of cheese");
    },
    fault: "rejection",
    cause: /out of cheese/,
  },
  "a time-out": { handler: () => new Promise(() => {}), fault: "time-out", cause: /no answer within 30 ms/ },
  "a thenable that throws": {
    handler: () => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what is tested
      then() {
        throw new Error("out of cheese");
      },
    }),
    fault: "rejection",
    cause: /out of cheese/,
  },
  "undefined: a forgotten return": { handler() {}, fault: "no verdict", cause: /return missing/ },
  null: { handler: () => null, fault: "no verdict", cause: /returned null/ },
  true: { handler: () => true, fault: "no verdict", cause: /returned true/ },
  "a promise of nothing": { async handler() {}, fault: "no verdict", cause: /return missing/ },
  "a misspelt verdict": {
    handler: () => ({ verdict: "procede" }),
    fault: "no verdict",
    cause: /"procede" does not exist; did you mean "proceed"/,
  },
  "a verdict of another hook": { handler: () => accept("friend"), fault: "no verdict", cause: /"accept" is no answer/ },
  "a refusal without a text": { handler: () => ({ verdict: "reject" }), fault: "no verdict", cause: /without a text/ },
  "a refusal that writes a second reply line": {
    handler: () => reject("no\r\n250 yes"),
    fault: "no verdict",
    cause: /line ends/,
  },
  "a reject with a code that defers": {
    handler: () => reject("no", { code: 451 }),
    fault: "no verdict",
    cause: /code 451 does not go with/,
  },
  "a status with its class written by hand": {
    handler: () => ({ verdict: "reject", refusal: { text: "no", detail: "5.7.1" } }),
    fault: "no verdict",
    cause: /detail "5.7.1"/,
  },
  "a verdict whose getter throws": {
    handler: () => ({
      get verdict() {
        throw new Error("out of cheese");
      },
    }),
    fault: "no verdict",
    cause: /out of cheese/,
  },
  "a thrown value that cannot be shown": {
    handler() {
      throw {
        toString() {
          throw new Error("again");
        },
      };
    },
    fault: "throw",
    cause: /cannot be shown/,
  },
};

const askRcptTo = (kernel: KernelRuntime) => {
  const envelope = envelopeOf({ to: ["ann@example.org"] });
  const [recipient] = envelope.recipients;
  if (!recipient) throw new Error("no recipient");
  return kernel.policy("rcptTo", envelope, recipient);
};

describe.each(Object.entries(slips))("at RCPT, %s", (_, { handler, fault, cause }) => {
  const broken = () => [untyped("policy-broken", { rcptTo: handler }), {}, { timeoutMs: 30 }] as const;

  it("is answered with 451 4.3.0", async () => {
    const kernel = await kernelWith({}, broken());
    const { verdict, by } = await askRcptTo(kernel);
    expect(verdict).toMatchObject({ verdict: "defer", refusal: { code: 451, detail: "3.0" } });
    expect(by).toBe("policy-broken");
  });

  it("is logged with entry, plugin, hook, session, envelope and cause", async () => {
    const { log, lines } = keptLog();
    const kernel = await kernelWith({ log }, broken());
    await askRcptTo(kernel);
    const line = lines.find(({ level }) => level === "error");
    expect(line?.fields).toMatchObject({ entry: "policy-broken", plugin: "policy-broken", hook: "rcptTo", fault });
    expect(line?.fields).toMatchObject({ session: "S1", id: "E1", cause: expect.stringMatching(cause) });
  });

  it("ends the chain: nobody behind it lets the recipient pass", async () => {
    const kernel = await kernelWith({}, broken(), untyped("policy-later", { rcptTo: () => reject("never reached") }));
    expect((await askRcptTo(kernel)).verdict).toMatchObject({ verdict: "defer" });
  });

  it("goes on where an administrator chose onFault: continue", async () => {
    const kernel = await kernelWith({}, [broken()[0], {}, { timeoutMs: 30, onFault: "continue" }]);
    expect((await askRcptTo(kernel)).verdict).toEqual(proceed);
  });

  it("has no effect in shadow", async () => {
    const kernel = await kernelWith({}, [broken()[0], {}, { timeoutMs: 30, shadow: true }]);
    expect((await askRcptTo(kernel)).verdict).toEqual(proceed);
  });
});

describe("the fault table", () => {
  const broken = (hook: string) =>
    untyped("policy-broken", {
      [hook]() {
        throw new Error("out of cheese");
      },
    });
  const answer = async (hook: string): Promise<unknown> => {
    const kernel = await kernelWith({}, broken(hook));
    // Arguments do not matter: the handler throws before it looks at them.
    const envelope = envelopeOf({ to: ["ann@example.org"] });
    const message = messageOf("Subject: x\n\nbody\n");
    const chains = kernel as unknown as Record<"policy" | "claim" | "transform", (...args: unknown[]) => unknown>;
    const kind = hookRow(hook as "connect").kind as "policy" | "claim" | "transform";
    const args = hookRow(hook as "connect").arguments.map(
      (name) =>
        ({ session: sessionOf(), envelope, message, recipient: envelope.recipients[0] })[name as "session"] ?? {},
    );
    const result = (await chains[kind](hook, ...args)) as Partial<PolicyResult> & { fault?: unknown };
    return kind === "transform" ? result.fault : result.verdict;
  };

  it.each([
    ["connect", 421, "3.0"],
    ["authAttempt", 454, "7.0"],
    ["auth", 454, "7.0"],
    ["credentials", 454, "7.0"],
  ])("%s: %i 4.%s", async (hook, code, detail) => {
    expect(await answer(hook)).toMatchObject({ verdict: "defer", refusal: { code, detail } });
  });

  const others = hookNames.filter(
    (hook) =>
      !["connect", "authAttempt", "auth", "credentials", "deliver"].includes(hook) && hookRow(hook).kind !== "notice",
  );
  it.each(others)("%s: 451 4.3.0", async (hook) => {
    expect(await answer(hook)).toMatchObject({ verdict: "defer", refusal: { code: 451, detail: "3.0" } });
  });

  it("has a deferral for every hook but the notices", () => {
    for (const hook of hookNames) {
      const { kind, fault } = hookRow(hook);
      if (kind === "notice") expect(fault).toBeNull();
      else expect(Math.floor((fault?.code ?? 0) / 100)).toBe(4);
    }
  });
});

describe("a handler that takes too long", () => {
  it("has its signal fired, and what it answers later is dropped and logged", async () => {
    const { log, lines } = keptLog();
    const { promise: answered, resolve: answerNow } = deferred<unknown>();
    let signal: AbortSignal | null = null;
    const slow = untyped("policy-slow", {
      rcptTo(_envelope: unknown, _recipient: unknown, call: { signal: AbortSignal }) {
        signal = call.signal;
        return answered;
      },
    });
    const kernel = await kernelWith({ log }, [slow, {}, { timeoutMs: 20 }]);
    const { verdict } = await askRcptTo(kernel);
    expect(verdict).toMatchObject({ verdict: "defer" });
    expect(signal).toMatchObject({ aborted: true });
    answerNow(reject("too late"));
    await later();
    expect(lines.at(-1)).toMatchObject({ level: "warn", text: "policy-slow at rcptTo answered too late: dropped" });
  });

  it("finds the signal fired already when it looks at it only afterwards", async () => {
    const { promise: looked, resolve } = deferred<boolean>();
    const answered = deferred<unknown>();
    const slow = untyped("policy-slow", {
      async rcptTo(_envelope: unknown, _recipient: unknown, call: { signal: AbortSignal }) {
        await answered.promise;
        resolve(call.signal.aborted);
        return proceed;
      },
    });
    const kernel = await kernelWith({}, [slow, {}, { timeoutMs: 20 }]);
    answered.resolve(await askRcptTo(kernel));
    expect(await looked).toBe(true);
  });

  it("does not hold up another session", async () => {
    const sticky = untyped("policy-sticky", {
      helo: (_session: unknown, name: string) => (name === "slow" ? new Promise(() => {}) : proceed),
    });
    const kernel = await kernelWith({}, [sticky, {}, { timeoutMs: 200 }]);
    const slow = kernel.policy("helo", sessionOf({ id: "S1" }), "slow");
    const quick = kernel.policy("helo", sessionOf({ id: "S2" }), "quick");
    expect(quick).toMatchObject({ verdict: { verdict: "proceed" } });
    expect(await slow).toMatchObject({ verdict: { verdict: "defer" } });
  });
});
