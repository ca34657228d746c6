import type { Session } from "postern/plugin";
import {
  keptLog,
  kernelWith,
  type ManualClock,
  manualClock,
  optionsOf,
  sessionOf,
  temporaryKeyValue,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

const from = (address: string): Session => sessionOf({ remote: { address, port: 4321, hostname: null } });

interface Made {
  readonly clock: ManualClock;
}

async function throttle(
  options: object = {},
  given?: Made & { keyValue: Awaited<ReturnType<typeof temporaryKeyValue>> },
) {
  const clock = given?.clock ?? manualClock(1_700_000_000_000);
  const keyValue = given?.keyValue ?? (await temporaryKeyValue({ clock }));
  if (!given) onTestFinished(() => keyValue.close());
  const { log, lines } = keptLog();
  const kernel = await kernelWith(
    { log, clock, services: [given ? [keyValue.service[0], keyValue.again()] : keyValue.service] },
    [plugin, optionsOf(plugin, { firstDelay: "1ms", maxDelay: "5ms", ...options })],
  );
  await kernel.start();
  onTestFinished(() => kernel.stop());
  const attempt = async (session: Session, login: string | null = "anna") =>
    (await kernel.policy("authAttempt", session, { login, mechanism: "PLAIN" })).verdict.verdict;
  let mistakes = 0;
  return {
    clock,
    keyValue,
    lines,
    kernel,
    attempt,
    /** An attempt that is let through, and fails; `sameness` left out: another password each time. */
    async fail(session: Session, login = "anna", sameness: string | null = `${mistakes++}`) {
      const verdict = await attempt(session, login);
      if (verdict === "proceed") kernel.notice("authFailed", session, login, { mechanism: "PLAIN", sameness });
      return verdict;
    },
    async succeed(session: Session, login = "anna") {
      const verdict = await attempt(session, login);
      if (verdict !== "proceed") return verdict;
      kernel.notice("login", Object.assign(session, { identity: { login } }));
      // Counters first, then the place: when it is there, all is done.
      const places = keyValue.space<object>("auth-throttle.places");
      while ((await places.get(`login ${login.toLowerCase()}`)) === null) await new Promise(setImmediate);
      return verdict;
    },
  };
}

describe("bans", () => {
  it("after so many failures of an address, for a while, in every session and on every worker", async () => {
    const { fail, attempt, clock, keyValue, lines } = await throttle({ banAfter: 4, ban: "10m" });
    for (let at = 0; at < 4; at++) expect(await fail(from("192.0.2.1"))).toBe("proceed");
    expect(await attempt(from("192.0.2.1"), "somebody else")).toBe("defer");
    expect(await attempt(from("192.0.2.2"))).toBe("proceed");
    const other = await throttle({ banAfter: 4 }, { clock, keyValue });
    expect(await other.attempt(from("192.0.2.1"))).toBe("defer");
    expect(lines.filter(({ level }) => level === "warn")).toMatchObject([
      { text: "banned after failed logins", fields: { remote: "192.0.2.1", banned: "192.0.2.1" } },
    ]);
    clock.advance(10 * 60_000 + 1);
    expect(await attempt(from("192.0.2.1"))).toBe("proceed");
  });

  it("of a /24 when its addresses take turns, and of an IPv6 /64 as of one address", async () => {
    const { fail, attempt } = await throttle({
      banAfter: 100,
      delayAfter: 100,
      loginDelayAfter: 100,
      networkBanAfter: 6,
    });
    for (let at = 0; at < 6; at++) expect(await fail(from(`192.0.2.${at}`))).toBe("proceed");
    expect(await attempt(from("192.0.2.200"))).toBe("defer");
    expect(await attempt(from("192.0.3.1"))).toBe("proceed");
    const six = await throttle({ banAfter: 3 });
    for (let at = 0; at < 3; at++) await six.fail(from(`2001:db8::${at + 1}`));
    expect(await six.attempt(from("2001:db8::ffff:1"))).toBe("defer");
    expect(await six.attempt(from("2001:db8:0:1::1"))).toBe("proceed");
  });

  it("of an IPv4 client also when it comes mapped into IPv6", async () => {
    const { fail, attempt } = await throttle({ banAfter: 2 });
    for (let at = 0; at < 2; at++) await fail(from("::ffff:192.0.2.1"));
    expect(await attempt(from("192.0.2.1"))).toBe("defer");
  });

  it("are not for those who are allowed, nor for unix sockets", async () => {
    const { fail } = await throttle({ banAfter: 1, allow: ["192.0.2.0/24"] });
    for (let at = 0; at < 3; at++) {
      expect(await fail(from("192.0.2.1"))).toBe("proceed");
      expect(await fail(from("unix"))).toBe("proceed");
    }
    await fail(from("127.0.0.1"));
    expect(await fail(from("127.0.0.1"))).toBe("defer");
  });

  it("never of a login: whoever guesses at it cannot lock its owner out", async () => {
    const { fail, attempt } = await throttle({ banAfter: 3, loginDelayAfter: 5 });
    for (let network = 0; network < 40; network++) {
      for (let at = 0; at < 3; at++) await fail(from(`198.51.${network}.1`), "anna");
    }
    expect(await attempt(from("203.0.113.1"), "anna")).toBe("proceed");
  });

  it("are not lifted by a success, and the address's failures are not forgotten for it", async () => {
    const { fail, succeed, attempt } = await throttle({ banAfter: 3 });
    await fail(from("192.0.2.1"), "victim");
    await fail(from("192.0.2.1"), "victim");
    expect(await succeed(from("192.0.2.1"), "mallory")).toBe("proceed");
    await fail(from("192.0.2.1"), "victim");
    expect(await attempt(from("192.0.2.1"), "victim")).toBe("defer");
  });
});

describe("the same mistake", () => {
  it("of a phone with an old password counts once", async () => {
    const { fail, attempt } = await throttle({ banAfter: 3 });
    for (let at = 0; at < 30; at++) expect(await fail(from("192.0.2.1"), "anna", "beef")).toBe("proceed");
    expect(await attempt(from("192.0.2.1"))).toBe("proceed");
  });

  it("cannot be told where the mechanism hides the password: each counts", async () => {
    const { fail, attempt } = await throttle({ banAfter: 3 });
    for (let at = 0; at < 3; at++) await fail(from("192.0.2.1"), "anna", null);
    expect(await attempt(from("192.0.2.1"))).toBe("defer");
  });
});

/** Resolves with how long it took, at least. */
async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

/** Longer than any test takes. */
const endless = { firstDelay: "25s", maxDelay: "25s" };

/** Answers as they come. */
function answers(asked: readonly Promise<string>[]) {
  const given: string[] = [];
  const waiting: { count: number; resolve(given: readonly string[]): void }[] = [];
  for (const one of asked) {
    void one.then((answer) => {
      given.push(answer);
      for (const { count, resolve } of waiting) if (given.length >= count) resolve(given.slice(0, count));
    });
  }
  const first = (count: number) =>
    new Promise<readonly string[]>((resolve) => {
      if (given.length >= count) resolve(given.slice(0, count));
      else waiting.push({ count, resolve });
    });
  return { given, first };
}

describe("delays", () => {
  it("grow with the failures of an address", async () => {
    const { fail, attempt } = await throttle({ delayAfter: 2, firstDelay: "40ms", maxDelay: "1s" });
    await fail(from("192.0.2.1"));
    await fail(from("192.0.2.1"));
    // A timer never ends early but for its rounding.
    expect(await timed(() => attempt(from("192.0.2.1")))).toBeGreaterThan(38);
    await fail(from("192.0.2.1"));
    expect(await timed(() => attempt(from("192.0.2.1")))).toBeGreaterThan(78);
  });

  it("hold strangers back from a login that many guess at, not those who have come from there before", async () => {
    const { fail, succeed, attempt, kernel } = await throttle({ loginDelayAfter: 3, ...endless });
    expect(await succeed(from("203.0.113.7"))).toBe("proceed");
    for (let at = 0; at < 3; at++) await fail(from(`198.51.${at}.1`), "ANNA");
    const stranger = answers([attempt(from("192.0.2.9"), "anna")]);
    expect(await attempt(from("203.0.113.99"), "anna")).toBe("proceed");
    expect(await attempt(from("192.0.2.10"), "bob")).toBe("proceed");
    expect(stranger.given).toEqual([]);
    await kernel.stop();
    await stranger.first(1);
  });

  it("of a login end with its success", async () => {
    const { fail, succeed, attempt } = await throttle({ loginDelayAfter: 2, ...endless });
    await succeed(from("203.0.113.7"));
    for (let at = 0; at < 2; at++) await fail(from(`198.51.${at}.1`));
    await succeed(from("203.0.113.7"));
    expect(await attempt(from("192.0.2.9"))).toBe("proceed");
  });

  it("follow each other: many connections at once are not faster than one", async () => {
    const { fail, attempt, kernel } = await throttle({
      delayAfter: 1,
      firstDelay: "10s",
      maxDelay: "20s",
      banAfter: 50,
    });
    await fail(from("192.0.2.1"));
    const all = answers(Array.from({ length: 6 }, () => attempt(from("192.0.2.1"))));
    // One waits 10 s, one 20 s; the others would wait longer than anybody may.
    expect(await all.first(4)).toEqual(["defer", "defer", "defer", "defer"]);
    await kernel.stop();
    await all.first(6);
  });

  it("a burst is judged by its number before the first has failed", async () => {
    const { attempt, kernel } = await throttle({ banAfter: 3, delayAfter: 1, ...endless });
    const all = answers(Array.from({ length: 40 }, () => attempt(from("192.0.2.1"))));
    const given = await all.first(39);
    expect(given.filter((one) => one === "proceed")).toHaveLength(3);
    await kernel.stop();
    await all.first(40);
  });

  it("an office that logs in one after the other is no burst", async () => {
    const { succeed } = await throttle({ banAfter: 3, delayAfter: 1, ...endless });
    for (let at = 0; at < 20; at++) expect(await succeed(from("192.0.2.1"), `user${at}`)).toBe("proceed");
  });

  it("a session that has gone counts no more", async () => {
    const { attempt, kernel } = await throttle({ banAfter: 2, delayAfter: 1, ...endless });
    for (let at = 0; at < 20; at++) {
      const session = from("192.0.2.1");
      expect(await attempt(session)).toBe("proceed");
      kernel.notice("disconnect", session);
    }
  });

  it("end when the server does", async () => {
    const { fail, attempt, kernel } = await throttle({ delayAfter: 1, ...endless });
    await fail(from("192.0.2.1"));
    const held = attempt(from("192.0.2.1"));
    await attempt(from("192.0.2.200"), "bob");
    await kernel.stop();
    expect(await held).toBe("defer");
  });

  it("hold a bounded number; whoever finds no room is refused", async () => {
    const { fail, attempt, kernel } = await throttle({
      delayAfter: 1,
      ...endless,
      waiting: 2,
      networkBanAfter: 100,
    });
    for (const host of [1, 2, 3]) await fail(from(`198.51.100.${host}`));
    const held = [1, 2, 3].map((host) => attempt(from(`198.51.100.${host}`)));
    expect(await Promise.race(held)).toBe("defer");
    await kernel.stop();
    await Promise.all(held);
  });
});

describe("when things go wrong", () => {
  it("logins are deferred while the counters cannot be read", async () => {
    const { attempt, keyValue } = await throttle();
    await keyValue.close();
    expect(await attempt(from("192.0.2.1"))).toBe("defer");
    expect(await attempt(from("127.0.0.1"))).toBe("proceed");
  });

  it("a network that is none keeps the server from starting", async () => {
    await expect(throttle({ allow: ["192.0.2.1/24"] })).rejects.toThrow("192.0.2.0/24");
  });

  it("no password and no login is kept in a form that can be read back into a password", async () => {
    const { fail, keyValue, kernel } = await throttle();
    await fail(from("192.0.2.1"), "anna", "beef");
    await kernel.stop();
    const kept = await keyValue.space("auth-throttle").list("", 10);
    expect(kept.map(({ key }) => key)).toEqual(["address 192.0.2.1", "login anna", "network 192.0.2.0/24"]);
    expect(JSON.stringify(kept)).toContain("beef");
  });
});
