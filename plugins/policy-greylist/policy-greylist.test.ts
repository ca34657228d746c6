import { ServerFacts, Tables } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  kernelWith,
  manualClock,
  optionsOf,
  sessionOf,
  type TemporaryKeyValue,
  tablesOf,
  temporaryKeyValue,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const facts = {
  hostname: "mx.example.org",
  dataDir: "/nowhere",
  origin: "example.org",
  postmaster: addressOf("postmaster@example.org"),
  version: "0",
};

let clock = manualClock();
let kv: TemporaryKeyValue;
beforeEach(async () => {
  clock = manualClock();
  kv = await temporaryKeyValue({ clock });
});
afterEach(() => kv.close());

type Kernel = Awaited<ReturnType<typeof open>>;
const open = (options: object = {}, service = kv.service) =>
  kernelWith({ clock, services: [service, [Tables, tablesOf()], [ServerFacts, facts]] }, [
    plugin,
    optionsOf(plugin, options),
  ]);

interface Try {
  readonly client?: string;
  readonly name?: string;
  readonly login?: string;
  readonly from?: string | null;
  readonly to?: string;
}
const envelopeFor = ({ client = "192.0.2.1", name, login, from = "bob@example.net" }: Try) =>
  envelopeOf({
    from,
    session: sessionOf({
      remote: { address: client, port: 1, hostname: name ?? null },
      identity: login === undefined ? null : { login },
    }),
  });

/** `ok`, or how many seconds to wait. */
async function ask(kernel: Kernel, one: Try = {}): Promise<string> {
  const envelope = envelopeFor(one);
  const recipient = envelope.addRecipient({ address: addressOf(one.to ?? "ann@example.org") });
  const { verdict } = await kernel.policy("rcptTo", envelope, recipient);
  if (verdict.verdict === "defer") return /in (\d+) seconds/.exec(verdict.refusal.text)?.[1] ?? verdict.refusal.text;
  return verdict.verdict === "proceed" ? "ok" : verdict.verdict;
}

describe("a triplet", () => {
  it("waits, is told how long, and passes for as long as it comes back in time", async () => {
    const kernel = await open();
    expect(await ask(kernel)).toBe("300");
    clock.advance(100_500);
    expect(await ask(kernel)).toBe("200");
    clock.advance(199_499);
    expect(await ask(kernel)).toBe("1");
    clock.advance(1);
    expect(await ask(kernel)).toBe("ok");
    clock.advance(35 * DAY - 1);
    expect(await ask(kernel)).toBe("ok");
    clock.advance(35 * DAY);
    expect(await ask(kernel)).toBe("300");
  });

  it("begins again when it comes back after the retry window", async () => {
    const kernel = await open();
    await ask(kernel);
    clock.advance(2 * DAY);
    expect(await ask(kernel)).toBe("ok");
    await ask(kernel, { to: "eve@example.org" });
    clock.advance(2 * DAY + 1);
    expect(await ask(kernel, { to: "eve@example.org" })).toBe("300");
  });

  it.each<[string, Try, string]>([
    ["another host of the network", { client: "192.0.2.250" }, "ok"],
    ["a host of another network", { client: "192.0.3.1" }, "300"],
    ["another case", { from: "BOB@EXAMPLE.NET", to: "Ann@EXAMPLE.org" }, "ok"],
    ["another sender", { from: "eve@example.net" }, "300"],
    ["the null sender", { from: null }, "300"],
    ["another recipient", { to: "eve@example.org" }, "300"],
    ["an extension of the sender", { from: "bob+tag@example.net" }, "ok"],
  ])("of %s", async (_, other, expected) => {
    const kernel = await open();
    await ask(kernel);
    clock.advance(5 * MINUTE);
    expect(await ask(kernel, other)).toBe(expected);
  });

  it("of IPv6 is that of its /64", async () => {
    const kernel = await open();
    expect(await ask(kernel, { client: "2001:db8:0:1::1" })).toBe("300");
    clock.advance(5 * MINUTE);
    expect(await ask(kernel, { client: "2001:db8:0:1:ffff::2" })).toBe("ok");
    expect(await ask(kernel, { client: "2001:db8:0:2::1" })).toBe("300");
  });

  it("is one for two workers, also at once, and outlives a restart", async () => {
    const [one, other] = [await open(), await open({}, [kv.service[0], kv.again()])];
    expect(await Promise.all([ask(one), ask(other)])).toEqual(["300", "300"]);
    clock.advance(5 * MINUTE);
    expect(await Promise.all([ask(one), ask(other)])).toEqual(["ok", "ok"]);
    expect(await ask(await open({}, [kv.service[0], kv.again()]))).toBe("ok");
  });

  it("may be of any length", async () => {
    const kernel = await open();
    const long = `${"x".repeat(60)}.${"y".repeat(60)}.${"z".repeat(60)}.example`;
    const one = { from: `${"l".repeat(64)}@${long}`, to: `${"r".repeat(64)}@${long}` };
    expect(await ask(kernel, one)).toBe("300");
    clock.advance(5 * MINUTE);
    expect(await ask(kernel, one)).toBe("ok");
  });
});

describe("a client network", () => {
  const pass = async (kernel: Kernel, to: string) => {
    expect(await ask(kernel, { to })).toBe("300");
    clock.advance(HOUR);
    expect(await ask(kernel, { to })).toBe("ok");
  };

  it("is left alone after five triplets, and forgotten when it stays away", async () => {
    const kernel = await open();
    for (let n = 0; n < 5; n += 1) await pass(kernel, `user${n}@example.org`);
    expect(await ask(kernel, { client: "192.0.2.99", from: "new@example.net", to: "new@example.org" })).toBe("ok");
    expect(await ask(kernel, { client: "192.0.3.99", to: "new@example.org" })).toBe("300");
    clock.advance(34 * DAY);
    expect(await ask(kernel, { to: "next@example.org" })).toBe("ok");
    clock.advance(34 * DAY);
    expect(await ask(kernel, { to: "next@example.org" })).toBe("ok");
    clock.advance(35 * DAY);
    expect(await ask(kernel, { to: "next@example.org" })).toBe("300");
  });

  it("rises once an hour only", async () => {
    const kernel = await open();
    const many = Array.from({ length: 8 }, (_, n) => `user${n}@example.org`);
    for (const to of many) await ask(kernel, { to });
    clock.advance(5 * MINUTE);
    for (const to of many) expect(await ask(kernel, { to })).toBe("ok");
    expect(await ask(kernel, { to: "new@example.org" })).toBe("300");
  });

  it("never is, when that is switched off", async () => {
    const kernel = await open({ autoAllowAfter: 0 });
    for (let n = 0; n < 6; n += 1) await pass(kernel, `user${n}@example.org`);
    expect(await ask(kernel, { to: "new@example.org" })).toBe("300");
  });
});

describe("nobody waits", () => {
  const options = {
    exempt: { networks: ["198.51.100.0/24"] },
    exemptClients: ["inline:{203.0.113=x, partner.example=x}"],
    exemptRecipients: ["inline:{abuse@=x, open.example=x, list@example.org=x}"],
  };
  it.each<[string, Try, string]>([
    ["in a network of ours", { client: "198.51.100.9" }, "ok"],
    ["who has logged in", { login: "ann" }, "ok"],
    ["of a listed network", { client: "203.0.113.77" }, "ok"],
    ["with a listed name", { name: "mx.partner.example" }, "ok"],
    ["for a listed local part", { to: "abuse@example.org" }, "ok"],
    ["for a listed domain", { to: "who@open.example" }, "ok"],
    ["for a listed address", { to: "list@example.org" }, "ok"],
    ["but a stranger", {}, "300"],
    ["but one with a name that ends alike", { name: "mx.notpartner.example" }, "300"],
  ])("%s", async (_, one, expected) => {
    expect(await ask(await open(options), one)).toBe(expected);
  });

  it("but whom XCLIENT names behind a listed proxy", async () => {
    const kernel = await open(options);
    const session = sessionOf({ remote: { address: "203.0.113.77", port: 1, hostname: null } });
    const verdict = async () => {
      const envelope = envelopeOf({ session });
      const recipient = envelope.addRecipient({ address: addressOf("ann@example.org") });
      return (await kernel.policy("rcptTo", envelope, recipient)).verdict.verdict;
    };
    expect(await verdict()).toBe("proceed");
    session.remote = { address: "192.0.2.1", port: 1, hostname: null };
    expect(await verdict()).toBe("defer");
  });

  it("over LMTP, or without a session", async () => {
    const kernel = await open();
    for (const session of [null, sessionOf({ protocol: "lmtp" })]) {
      const envelope = envelopeOf({ session });
      const recipient = envelope.addRecipient({ address: addressOf("ann@example.org") });
      expect((await kernel.policy("rcptTo", envelope, recipient)).verdict.verdict).toBe("proceed");
    }
  });
});

describe("an answer", () => {
  it("is 450 4.2.0 with the administrator's text", async () => {
    const kernel = await open({ text: "Grey: {domain} asks {sender} for {seconds}s" });
    const envelope = envelopeOf({});
    const recipient = envelope.addRecipient({ address: addressOf("ann@example.org") });
    expect((await kernel.policy("rcptTo", envelope, recipient)).verdict).toEqual({
      verdict: "defer",
      refusal: {
        text: "Grey: example.org asks bob@example.net for 300s",
        code: 450,
        detail: "2.0",
        unlessAuthenticated: true,
      },
    });
  });

  it("has one header a message, by choice", async () => {
    const kernel = await open({ header: true });
    await ask(kernel);
    await ask(kernel, { to: "eve@example.org" });
    clock.advance(6 * MINUTE);
    const envelope = envelopeOf({});
    const changes = [];
    for (const to of ["ann@example.org", "eve@example.org", "ann@example.org"]) {
      const recipient = envelope.addRecipient({ address: addressOf(to) });
      changes.push(...(await kernel.policy("rcptTo", envelope, recipient)).changes);
    }
    expect(changes).toEqual([
      {
        op: "prepend",
        header: "X-Greylist",
        value: expect.stringMatching(/^delayed 360 seconds by policy-greylist at mx\.example\.org; \w{3}, .* \+0000$/),
      },
    ]);
  });

  it("defers when nothing can be looked up", async () => {
    const kernel = await open();
    await kv.close();
    expect(await ask(kernel)).not.toBe("ok");
    kv = await temporaryKeyValue({ clock });
  });
});

describe("asked at DATA", () => {
  it("says nothing at RCPT, and puts off until all have waited", async () => {
    const kernel = await open({ at: "data" });
    expect(await ask(kernel)).toBe("ok");
    const data = async (...to: string[]) => (await kernel.policy("data", envelopeOf({ to }))).verdict;
    expect((await data("ann@example.org")).verdict).toBe("defer");
    clock.advance(2 * MINUTE);
    expect(await data("ann@example.org", "eve@example.org")).toMatchObject({
      refusal: { text: expect.stringContaining("300") },
    });
    clock.advance(3 * MINUTE);
    expect(await data("ann@example.org", "eve@example.org")).toMatchObject({
      refusal: { text: expect.stringContaining("120") },
    });
    clock.advance(2 * MINUTE);
    expect((await data("ann@example.org", "eve@example.org")).verdict).toBe("proceed");
  });
});

it("finds a retry window in which nobody can pass", async () => {
  expect(await (await open({ delay: "1h", retryWindow: "1h" })).check()).toMatchObject([{ severity: "error" }]);
  expect(await (await open()).check()).toEqual([]);
});
