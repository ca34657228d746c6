/** Making one whole of the plugins: all mistakes at once, each with its entry; start and stop in the order of needs. */
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { defineService, optional } from "../contracts/service.ts";
import { keptLog, kernelOf, kernelWith, type Listed } from "../testing/kernel.ts";
import { envelopeOf, sessionOf } from "../testing/mail.ts";
import { definePlugin, type Plugin } from "./define.ts";
import { KernelError } from "./kernel-error.ts";
import { isProvided } from "./services.ts";
import { proceed, reject } from "./verdicts.ts";

const untyped = (plugin: object): Plugin => ({ name: "plugin", api: 1, ...plugin }) as Plugin;
const giving = (live: unknown, more: object = {}): Plugin => untyped({ setup: () => live, ...more });

async function mistakesOf(...plugins: readonly Listed[]): Promise<readonly string[]> {
  const failure = await kernelOf(...plugins).catch((error: unknown) => error);
  if (!(failure instanceof KernelError)) throw new Error("no mistake was found", { cause: failure });
  return failure.message.split("\n");
}

describe("what setup gives", () => {
  it.each([
    ["nothing", undefined, /setup gave nothing; is a return missing/],
    ["a hook that does not exist", { hooks: { rctpTo: () => proceed } }, /no hook "rctpTo"; did you mean "rcptTo"/],
    ["a handler that is no function", { hooks: { helo: true } }, /handler of helo is no function/],
    ["hooks that are no object", { hooks: "helo" }, /hooks that are no object/],
    ["an unknown key", { shutdown() {} }, /unknown key "shutdown"/],
    ["a misspelt key", { hook: {} }, /unknown key "hook"; did you mean "hooks"/],
    ["a hook beside hooks", { mailFrom: () => proceed }, /"mailFrom"; hooks go into "hooks"/],
    ["a start that is no function", { start: 5 }, /start that is no function/],
    [
      "a serve function that was not announced",
      { serve: { imap() {} } },
      /serve function for imap, which is not in serves/,
    ],
    ["a service that was not announced", { provides: { x: {} } }, /provides x, which the plugin does not promise/],
  ])("is refused when it is %s", async (_, live, text) => {
    expect(await mistakesOf(giving(live))).toEqual([expect.stringMatching(text)]);
  });

  it("is refused without the function for a role", async () => {
    expect(await mistakesOf(giving({}, { serves: ["imap"] }))).toEqual([
      "plugin: it serves imap, but setup gave no function for it in serve",
    ]);
  });

  it("is refused without a promised service", async () => {
    const thing = defineService("acme/thing@1");
    expect(await mistakesOf(giving({}, { provides: { thing } }))).toEqual([
      "plugin: it provides thing, but setup did not give it",
    ]);
  });

  it("may come later", async () => {
    const slow = definePlugin({
      name: "policy-slow",
      api: 1,
      setup: async () => ({ hooks: { helo: () => reject("no") } }),
    });
    expect((await kernelOf(slow)).policy("helo", sessionOf(), "x")).toMatchObject({ by: "policy-slow" });
  });
});

describe("the list of entries", () => {
  it("has all its mistakes told at once, with file and line", async () => {
    const where = { file: "/etc/postern.config.yaml", line: 7 };
    const throwing = untyped({
      setup() {
        throw new Error("no such file");
      },
    });
    expect(
      await mistakesOf([throwing, {}, { id: "first", where }], [giving({ hooks: { nope: 1 } }), {}, { id: "second" }]),
    ).toEqual(["/etc/postern.config.yaml:7: first: setup failed: no such file", 'second: there is no hook "nope"']);
  });

  it.each<[string, readonly Listed[], RegExp]>([
    [
      "two entries with one id",
      [
        [giving({}), {}, { id: "a" }],
        [giving({}), {}, { id: "a" }],
      ],
      /a: there is another entry/,
    ],
    ["another plugin API", [untyped({ api: 2, setup: () => ({}) })], /speaks plugin API 2; this server speaks 1/],
    ["a time-out of nothing", [[giving({}), {}, { timeoutMs: 0 }]], /timeoutMs is a whole number/],
    [
      "two plugins for one role",
      [
        [giving({ serve: { imap() {} } }, { serves: ["imap"] }), {}, { id: "a" }],
        [giving({ serve: { imap() {} } }, { serves: ["imap"] }), {}, { id: "b" }],
      ],
      /b: serves imap, which a serves already/,
    ],
    [
      "a role of core",
      [giving({ serve: { mx() {} } }, { serves: ["mx"] })],
      /serves mx, which this server speaks itself/,
    ],
    [
      "shadow on a claim",
      [[giving({ hooks: { route: () => proceed } }), {}, { shadow: true }]],
      /shadow is for policies/,
    ],
    [
      "shadow on a server",
      [[giving({ serve: { imap() {} } }, { serves: ["imap"] }), {}, { shadow: true }]],
      /shadow is for policies/,
    ],
    [
      "onFault: continue on a claim",
      [[giving({ hooks: { findAccount: () => proceed } }), {}, { onFault: "continue" }]],
      /would lose or misdirect mail at findAccount/,
    ],
    [
      "onFault: continue on a transform",
      [[giving({ hooks: { sign: () => proceed } }), {}, { onFault: "continue" }]],
      /at sign, which is a transform/,
    ],
  ])("is refused with %s", async (_, plugins, text) => {
    expect(await mistakesOf(...plugins)).toContainEqual(expect.stringMatching(text));
  });

  it("stops what was set up already when another entry fails", async () => {
    let isStopped = false;
    const good = giving({
      async stop() {
        isStopped = true;
      },
    });
    await mistakesOf(good, untyped({ name: "other", setup: () => undefined }));
    expect(isStopped).toBe(true);
  });
});

describe("services", () => {
  interface Thing {
    readonly name: string;
  }
  const Thing = defineService<Thing>("acme/thing@1");
  const Other = defineService<Thing>("acme/other@1");
  const provider = definePlugin({
    name: "provider",
    api: 1,
    provides: { thing: Thing },
    setup: () => ({ provides: { thing: { name: "made by provider" } } }),
  });

  it("reach who needs them, wherever both stand in the list, also by another copy of the token", async () => {
    const got: string[] = [];
    const needy = definePlugin({
      name: "needy",
      api: 1,
      needs: { thing: defineService<Thing>("acme/thing@1") },
      setup({ needs }) {
        got.push(needs.thing.name);
        return {};
      },
    });
    const kernel = await kernelOf(needy, provider);
    expect(got).toEqual(["made by provider"]);
    expect(kernel.service(Thing).name).toBe("made by provider");
    expect(() => kernel.service(Other)).toThrow("nobody provides acme/other@1");
  });

  it("of core may ask the kernel themselves", async () => {
    const kernel = await kernelWith({ services: (it) => [[Thing, { name: String(it.hears("helo")) }]] }, giving({}));
    expect(kernel.service(Thing).name).toBe("false");
  });

  it("that are optional may be missing", async () => {
    let got: unknown = "not asked";
    const easy = definePlugin({
      name: "easy",
      api: 1,
      needs: { thing: optional(Thing) },
      setup({ needs }) {
        got = needs.thing;
        return {};
      },
    });
    await kernelOf(easy);
    expect(got).toBeUndefined();
  });

  const needing = (name: string, needs: string, provides: string | null = null): Plugin =>
    untyped({
      name,
      needs: { x: { name: needs } },
      ...(provides !== null && { provides: { y: { name: provides } } }),
      setup: () => (provides === null ? {} : { provides: { y: {} } }),
    });

  it.each<[string, readonly Listed[], string]>([
    ["nobody provides", [needing("a", "acme/thing@1")], "a: needs acme/thing@1, which nobody provides"],
    [
      "somebody provides in another major",
      [needing("a", "acme/thing@2"), provider],
      "a: needs acme/thing@2, which nobody provides; there is acme/thing@1",
    ],
    [
      "nearly somebody provides",
      [needing("a", "acme/thign@1"), provider],
      "a: needs acme/thign@1, which nobody provides; there is acme/thing@1",
    ],
    [
      "two provide",
      [provider, [provider, {}, { id: "second" }]],
      "second: provides acme/thing@1, which provider provides already",
    ],
    [
      "two provide for each other",
      [needing("a", "acme/y@1", "acme/x@1"), needing("b", "acme/x@1", "acme/y@1")],
      "a: needs itself: a needs b needs a",
    ],
    ["one provides for itself", [needing("a", "acme/x@1", "acme/x@1")], "a: needs itself: a needs a"],
  ])("that %s are a mistake", async (_, plugins, text) => {
    expect(await mistakesOf(...plugins)).toEqual([text]);
  });

  it("that core provides are not provided twice", async () => {
    const failure = await kernelWith({ services: [[Thing, { name: "core" }]] }, provider).catch(String);
    expect(failure).toContain("provider: provides acme/thing@1, which this server provides itself");
    const entries = (await import("../testing/kernel.ts")).entriesOf([provider]);
    expect([isProvided(entries, Thing), isProvided(entries, Other)]).toEqual([true, false]);
  });

  it("of a plugin that failed are not complained about again by who needs them", async () => {
    const failing = untyped({
      name: "provider",
      provides: { thing: Thing },
      setup() {
        throw new Error("no such file");
      },
    });
    expect(await mistakesOf(needing("a", "acme/thing@1"), failing)).toEqual(["provider: setup failed: no such file"]);
  });
});

describe("start and stop", () => {
  const A = defineService("acme/a@1");
  const B = defineService("acme/b@1");
  const told: string[] = [];
  const member = (name: string, more: object, live: object = {}): Plugin =>
    untyped({
      name,
      ...more,
      setup: () => ({
        start: async () => void told.push(`start ${name}`),
        stop: async () => void told.push(`stop ${name}`),
        ...live,
      }),
    });
  const third = member("third", { needs: { b: B } });
  const second = member("second", { needs: { a: A }, provides: { b: B } }, { provides: { b: {} } });
  const first = member("first", { provides: { a: A } }, { provides: { a: {} } });

  it("go by needs, then by the operator's list; stop is the reverse", async () => {
    told.length = 0;
    const kernel = await kernelOf(third, member("free", {}), second, first);
    await kernel.start();
    await kernel.stop();
    const order = ["first", "second", "third", "free"];
    expect(told).toEqual([
      ...order.map((name) => `start ${name}`),
      ...order.toReversed().map((name) => `stop ${name}`),
    ]);
  });

  it("stop what was started when one cannot start", async () => {
    told.length = 0;
    const { log, lines } = keptLog();
    const failing = member(
      "failing",
      {},
      {
        async start() {
          throw new Error("port in use");
        },
        async stop() {
          throw new Error("never started");
        },
      },
    );
    const kernel = await kernelWith({ log }, first, failing, third, second);
    await expect(kernel.start()).rejects.toThrow("failing: start failed: Error: port in use");
    expect(told).toEqual(["start first", "stop first"]);
    expect(lines.at(-1)?.text).toBe("failing cannot stop: Error: never started");
  });
});

describe("what a plugin gets", () => {
  it("is its own options, a log with its name, the clock and the place of the config", async () => {
    const { log, lines } = keptLog();
    const plugin = definePlugin({
      name: "policy-x",
      api: 1,
      config: Type.Object({ limit: Type.Integer() }),
      setup({ id, config, log: own, clock, configDir }) {
        own.info({ limit: config.limit, at: clock.now(), configDir, id }, "hello");
        return {};
      },
    });
    await kernelWith({ log, clock: { now: () => 42 }, configDir: "/etc" }, [plugin, { limit: 3 }, { id: "mine" }]);
    expect(lines[0]).toMatchObject({
      fields: { entry: "mine", plugin: "policy-x", limit: 3, at: 42, configDir: "/etc", id: "mine" },
    });
  });

  it("is a cell per owner and per entry", async () => {
    const limit = definePlugin({
      name: "policy-count",
      api: 1,
      setup({ state }) {
        const count = state((_: object) => ({ calls: 0 }));
        return { hooks: { helo: (session) => (++count(session).calls > 1 ? reject("twice") : proceed) } };
      },
    });
    const kernel = await kernelOf(limit, limit);
    const [one, two] = [sessionOf({ id: "1" }), sessionOf({ id: "2" })];
    const verdicts = [one, two, one].map((session) => kernel.policy("helo", session, "x"));
    expect(verdicts).toMatchObject([{ by: null }, { by: null }, { by: "policy-count" }]);
  });
});

describe("what postern explain and check show", () => {
  const policy = giving({ hooks: { mailFrom: () => proceed, findDomain: () => proceed } });

  it("is each hook's chain in the operator's order", async () => {
    const when = { role: ["mx"], listener: null };
    const kernel = await kernelOf(
      [policy, {}, { id: "a", when, timeoutMs: 500 }],
      [giving({ hooks: { mailFrom: () => proceed } }), {}, { id: "b", shadow: true }],
    );
    const chains = kernel.chains();
    expect(chains.map(({ hook }) => hook)).toEqual(expect.arrayContaining(["connect", "deliver", "bounced"]));
    expect(chains.find(({ hook }) => hook === "mailFrom")).toMatchObject({
      kind: "policy",
      links: [
        { entry: "a", when, timeoutMs: 500, shadow: false },
        { entry: "b", when: null, timeoutMs: 30_000, shadow: true },
      ],
    });
    expect(chains.find(({ hook }) => hook === "findDomain")?.links).toMatchObject([{ entry: "a", when: null }]);
  });

  it("is the order that plugins ask for, which is checked and never sorted by", async () => {
    const spf = untyped({ name: "verify-spf", setup: () => ({ hooks: { mailFrom: () => reject("spf") } }) });
    const dmarc = untyped({
      name: "verify-dmarc",
      after: ["verify-*"],
      before: ["filter-?"],
      setup: () => ({ hooks: { mailFrom: () => reject("dmarc") } }),
    });
    const filter = untyped({ name: "filter-x", setup: () => ({}) });
    const kernel = await kernelOf(filter, dmarc, spf);
    expect((await kernel.policy("mailFrom", envelopeOf(), null)).by).toBe("verify-dmarc");
    expect((await kernel.check()).map(({ entry, severity, text }) => `${severity} ${entry}: ${text}`)).toEqual([
      "error verify-dmarc: wants to come after verify-*, but verify-spf comes later in the list",
      "error verify-dmarc: wants to come before filter-?, but filter-x comes earlier in the list",
    ]);
    expect(await (await kernelOf(spf, dmarc, filter)).check()).toEqual([]);
  });

  it("has what plugins find themselves, and that one could not look", async () => {
    const finding = { severity: "warning" as const, text: "the table is empty" };
    const kernel = await kernelOf(
      [giving({ check: async () => [finding] }), {}, { id: "a" }],
      [giving({ check: () => Promise.reject(new Error("no such file")) }), {}, { id: "b" }],
    );
    expect(await kernel.check()).toMatchObject([
      { entry: "a", ...finding },
      { entry: "b", severity: "error", text: "its check failed: Error: no such file" },
    ]);
  });
});
