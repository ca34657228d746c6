import { KeyValue, Tables } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  keptLog,
  kernelWith,
  manualClock,
  messageOf,
  optionsOf,
  sessionOf,
  type TemporaryKeyValue,
  tablesOf,
  temporaryKeyValue,
} from "postern/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

const MINUTE = 60_000;
let clock = manualClock(Date.UTC(2026, 0, 1));
let kv: TemporaryKeyValue;
beforeEach(async () => {
  clock = manualClock(Date.UTC(2026, 0, 1));
  kv = await temporaryKeyValue({ clock });
});
afterEach(() => kv.close());

const logged = keptLog();
type Kernel = Awaited<ReturnType<typeof open>>;
const open = (rules: readonly object[], more: object = {}, shared: KeyValue = kv.service[1] as KeyValue) =>
  kernelWith(
    {
      clock,
      log: logged.log,
      services: [
        [KeyValue, shared],
        [Tables, tablesOf()],
      ],
    },
    [plugin, optionsOf(plugin, { rules, ...more })],
  );

interface Who {
  readonly client?: string;
  readonly login?: string;
}
const sessionFor = ({ client = "192.0.2.1", login }: Who = {}) =>
  sessionOf({
    remote: { address: client, port: 1, hostname: null },
    identity: login === undefined ? null : { login },
  });
const said = ({ verdict }: { verdict: { verdict: string; refusal?: { text: string; code?: number } } }) =>
  verdict.refusal ? `${verdict.refusal.code ?? ""} ${verdict.refusal.text}`.trim() : verdict.verdict;

const connect = async (kernel: Kernel, who?: Who) => said(await kernel.policy("connect", sessionFor(who)));
const mail = async (kernel: Kernel, from: string | null, who?: Who) => {
  const envelope = envelopeOf({ from, session: sessionFor(who) });
  return said(await kernel.policy("mailFrom", envelope, envelope.reversePath));
};
const times = async (count: number, work: () => Promise<string>) => {
  const all = [];
  for (let n = 0; n < count; n += 1) all.push(await work());
  return all.map((one) => (one === "proceed" ? "." : "x")).join("");
};

describe("connections", () => {
  const rule = { count: "connections", per: "address", limit: 3, within: "1m" };

  it("are let through up to the limit, and again as the window slides", async () => {
    const kernel = await open([rule]);
    expect(await times(5, () => connect(kernel))).toBe("...xx");
    expect(await connect(kernel)).toBe("421 Too many connections, try again later");
    expect(await connect(kernel, { client: "192.0.2.2" })).toBe("proceed");
    clock.advance(2 * MINUTE);
    expect(await times(4, () => connect(kernel))).toBe("...x");
  });

  it("stay refused for who keeps hammering", async () => {
    const kernel = await open([rule]);
    await times(4, () => connect(kernel));
    for (let n = 0; n < 10; n += 1) {
      clock.advance(MINUTE / 4);
      expect(await connect(kernel)).not.toBe("proceed");
    }
  });

  it("count for one /64 together", async () => {
    const kernel = await open([rule]);
    let host = 0;
    expect(await times(4, () => connect(kernel, { client: `2001:db8::${++host}` }))).toBe("...x");
    expect(await connect(kernel, { client: "2001:db8:0:1::1" })).toBe("proceed");
  });

  it("count for a network, and for the whole server", async () => {
    const kernel = await open([
      { ...rule, per: "network", ipv4Prefix: 16 },
      { ...rule, per: "server", limit: 5 },
    ]);
    let host = 0;
    expect(await times(4, () => connect(kernel, { client: `192.0.${++host}.1` }))).toBe("...x");
    expect(await times(4, () => connect(kernel, { client: `198.51.${++host}.1` }))).toMatch(/^\.+x+$/);
  });

  it("are counted once for all workers, also at once", async () => {
    const [one, other] = [await open([rule]), await open([rule], {}, kv.again())];
    const all = await Promise.all(Array.from({ length: 10 }, (_, n) => connect(n % 2 ? one : other)));
    expect(all.filter((answer) => answer === "proceed")).toHaveLength(3);
  });

  it("of exempt clients are not counted", async () => {
    const kernel = await open([{ ...rule, limit: 0, exempt: ["inline:{192.0.2.7=x}"] }], {
      networks: ["198.51.100.0/24"],
    });
    expect(await connect(kernel, { client: "192.0.2.7" })).toBe("proceed");
    expect(await connect(kernel, { client: "198.51.100.7" })).toBe("proceed");
    expect(await connect(kernel, { client: "192.0.2.8" })).not.toBe("proceed");
    expect(said(await kernel.policy("connect", sessionOf({ protocol: "lmtp" })))).toBe("proceed");
  });

  it("that were refused are logged with their rule", async () => {
    const kernel = await open([{ ...rule, limit: 0 }]);
    await connect(kernel);
    expect(logged.lines.at(-1)).toMatchObject({
      text: "limit reached",
      fields: { count: "connections", per: "address", subject: "192.0.2.1", limit: 0, counted: 1 },
    });
  });
});

describe("connections at once", () => {
  const rule = { count: "concurrency", per: "address", limit: 2 };

  it("are let through until one leaves", async () => {
    const kernel = await open([rule]);
    const [first, second, third] = [sessionFor(), sessionFor(), sessionFor()];
    expect(said(await kernel.policy("connect", first))).toBe("proceed");
    expect(said(await kernel.policy("connect", second))).toBe("proceed");
    expect(said(await kernel.policy("connect", third))).toBe("421 Too many connections at once, try again later");
    kernel.notice("disconnect", third);
    expect(await connect(kernel)).not.toBe("proceed");
    kernel.notice("disconnect", first);
    expect(await connect(kernel)).toBe("proceed");
    expect(await connect(kernel)).not.toBe("proceed");
  });

  it("hold over all workers, and end with a worker", async () => {
    const worker = kv.again();
    const [one, other] = [await open([rule]), await open([rule], {}, worker)];
    expect([await connect(one), await connect(other)]).toEqual(["proceed", "proceed"]);
    expect(await connect(one)).not.toBe("proceed");
    await worker.close();
    expect(await connect(one)).toBe("proceed");
  });

  it("take one place, whatever the number of rules", async () => {
    const kernel = await open([
      { ...rule, limit: 4, exempt: ["inline:{198.51.100=x}"] },
      { ...rule, limit: 3 },
    ]);
    expect(await times(5, () => connect(kernel))).toBe("...xx");
  });

  it("of the client before are given back where XCLIENT names another", async () => {
    const kernel = await open([{ ...rule, limit: 1 }]);
    const session = sessionFor();
    expect(said(await kernel.policy("connect", session))).toBe("proceed");
    session.remote = { ...session.remote, address: "192.0.2.2" };
    expect(said(await kernel.policy("connect", session))).toBe("proceed");
    expect(await connect(kernel)).toBe("proceed");
    expect(await connect(kernel, { client: "192.0.2.2" })).not.toBe("proceed");
  });

  it("leave nothing behind when a client leaves while it is counted", async () => {
    const kernel = await open([{ ...rule, limit: 1 }]);
    const session = sessionFor();
    const asked = kernel.policy("connect", session);
    kernel.notice("disconnect", session);
    await asked;
    expect(await connect(kernel)).toBe("proceed");
  });
});

describe("messages", () => {
  it("of a sender, and of a domain", async () => {
    const kernel = await open([
      { count: "messages", per: "sender", limit: 2 },
      { count: "messages", per: "senderDomain", limit: 3, exempt: ["inline:{.free.example=x}"] },
    ]);
    expect(await times(3, () => mail(kernel, "Bob@Example.net"))).toBe("..x");
    expect(await mail(kernel, "bob@example.NET")).toBe("450 Too many messages, try again later");
    expect(await mail(kernel, "eve@example.net")).toBe("proceed");
    expect(await mail(kernel, "ann@example.net")).not.toBe("proceed");
    expect(await times(5, () => mail(kernel, null))).toBe(".....");
    let user = 0;
    expect(await times(5, () => mail(kernel, `u${++user}@a.free.example`))).toBe(".....");
  });

  it("that were put off do not count against the next try", async () => {
    const kernel = await open([{ count: "messages", per: "address", limit: 4 }]);
    expect(await times(8, () => mail(kernel, "bob@example.net"))).toBe("....xxxx");
    // A quarter of the window before has passed: one more is let in.
    clock.advance(1.25 * MINUTE);
    expect(await times(3, () => mail(kernel, "bob@example.net"))).toBe(".xx");
  });

  it("that one subject may not send do not count for another", async () => {
    const kernel = await open([
      { count: "messages", per: "address", limit: 3 },
      { count: "messages", per: "sender", limit: 1 },
    ]);
    expect(await times(6, () => mail(kernel, "bob@example.net"))).toBe(".xxxxx");
    expect(await mail(kernel, "eve@example.net")).toBe("proceed");
    expect(await mail(kernel, "ann@example.net")).toBe("proceed");
    expect(await mail(kernel, "joe@example.net")).not.toBe("proceed");
  });

  it("of a login, wherever it comes from; others are not counted", async () => {
    const kernel = await open([{ count: "messages", per: "login", limit: 1 }]);
    expect(await mail(kernel, "a@example.org", { login: "ann" })).toBe("proceed");
    expect(await mail(kernel, "b@example.org", { login: "Ann", client: "192.0.2.9" })).not.toBe("proceed");
    expect(await times(3, () => mail(kernel, "a@example.org"))).toBe("...");
  });

  it("of who has logged in may be left out", async () => {
    const kernel = await open([{ count: "messages", per: "address", limit: 0, authenticated: false }]);
    expect(await mail(kernel, "a@example.org", { login: "ann" })).toBe("proceed");
    expect(await mail(kernel, "a@example.org")).not.toBe("proceed");
  });
});

describe("recipients and bytes", () => {
  it("count each recipient", async () => {
    const kernel = await open([{ count: "recipients", per: "address", limit: 3, within: "1h" }]);
    const envelope = envelopeOf({});
    const rcpt = async () => {
      const recipient = envelope.addRecipient({ address: addressOf("ann@example.org") });
      return said(await kernel.policy("rcptTo", envelope, recipient));
    };
    expect(await times(5, rcpt)).toBe("...xx");
  });

  it("count each octet", async () => {
    const kernel = await open([
      { count: "bytes", per: "sender", limit: 250, text: "{subject}: {count} {limit} {seconds}" },
    ]);
    const message = messageOf(`Subject: x\n\n${"y".repeat(84)}\n`);
    expect(message.sizeBytes).toBe(100);
    const send = async () => said(await kernel.policy("message", envelopeOf({}), message));
    expect(await times(3, send)).toBe("..x");
    expect(await send()).toBe("450 bob@example.net: bytes 250 60");
  });
});

describe("handshakes and logins", () => {
  it("are counted where they happen", async () => {
    const kernel = await open([
      { count: "tlsHandshakes", per: "address", limit: 1 },
      { count: "authAttempts", per: "login", limit: 1 },
      { count: "authAttempts", per: "address", limit: 3 },
    ]);
    const tls = async () => said(await kernel.policy("tls", sessionFor()));
    expect(await times(2, tls)).toBe(".x");
    const auth = async (login: string | null, client?: string) =>
      said(await kernel.policy("authAttempt", sessionFor(client ? { client } : {}), { login, mechanism: "PLAIN" }));
    expect(await auth("ann")).toBe("proceed");
    expect(await auth("ANN", "198.51.100.1")).not.toBe("proceed");
    expect(await auth(null)).toBe("proceed");
    expect(await auth("x".repeat(10_000))).toBe("proceed");
    expect(await auth("eve")).toBe("Too many login attempts, try again later");
  });
});

describe("rules", () => {
  it("that cannot be kept keep the server from starting", async () => {
    await expect(open([{ count: "connections", per: "sender", limit: 1 }])).rejects.toThrow(
      "rules[0]: connections cannot be counted per sender, only per address, network, server",
    );
    await expect(open([], { networks: ["192.0.2.1/24"] })).rejects.toThrow("192.0.2.1/24");
  });

  it("share what they count: one event, two limits", async () => {
    const kernel = await open([
      { count: "messages", per: "address", limit: 2 },
      { count: "messages", per: "address", limit: 4, exempt: ["inline:{192.0.2.1=x}"] },
      { count: "messages", per: "address", limit: 3, within: "1h" },
    ]);
    expect(await times(3, () => mail(kernel, "bob@example.net"))).toBe("..x");
    clock.advance(2 * MINUTE);
    expect(await times(3, () => mail(kernel, "bob@example.net"))).toBe(".xx");
  });

  it("of two entries are counted apart", async () => {
    const services = [
      [KeyValue, kv.service[1]],
      [Tables, tablesOf()],
    ] as const;
    const options = (limit: number) => optionsOf(plugin, { rules: [{ count: "messages", per: "address", limit }] });
    const kernel = await kernelWith(
      { clock, services },
      [plugin, options(4), { id: "a" }],
      [plugin, options(3), { id: "b" }],
    );
    expect(await times(4, () => mail(kernel, "bob@example.net"))).toBe("...x");
  });

  it("cost nothing where there are none", async () => {
    const kernel = await open([]);
    expect(kernel.policy("connect", sessionFor())).not.toBeInstanceOf(Promise);
  });

  it("defer when nothing can be counted", async () => {
    const kernel = await open([{ count: "messages", per: "address", limit: 100 }]);
    await kv.close();
    expect(await mail(kernel, "bob@example.net")).not.toBe("proceed");
    kv = await temporaryKeyValue({ clock });
  });
});
