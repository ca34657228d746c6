import type { Envelope } from "postern/plugin";
import type { Script } from "postern/testing";
import { describe, expect, it } from "vitest";
import type { RelayOptions } from "./relay.ts";
import { addressOf, brief, closedPort, deliver, hostsAt, recipientOf, serve } from "./testing/deliveries.ts";

describe("outcomes follow the replies", () => {
  it("relays, dots stuffed, to those who were taken", async () => {
    const server = await serve({
      RCPT: (line) =>
        line.includes("bad") ? "550 5.1.1 no such user" : line.includes("full") ? "452 4.2.2 full" : "250 2.1.5 ok",
    });
    const outcomes = await deliver(server.port, { to: ["good@example.org", "bad@example.org", "full@example.org"] });
    expect(brief(outcomes)).toEqual([
      "good@example.org relayed 250 2.0.0",
      "bad@example.org failed 550 5.1.1",
      "full@example.org deferred 452 4.2.2",
    ]);
    expect(server.contents).toEqual(["Subject: x\r\n\r\n..dot"]);
  });

  it.each<[string, Script, string]>([
    ["greeting 5xx: another time", { greeting: "554 5.3.2 not now" }, "deferred 554 5.3.2"],
    ["greeting 4xx", { greeting: "421 4.3.2 busy" }, "deferred 421 4.3.2"],
    ["a close instead of a greeting", { greeting: "close" }, "deferred 451 4.4.2"],
    ["MAIL 4xx", { MAIL: "451 4.7.1 greylisted" }, "deferred 451 4.7.1"],
    ["MAIL 5xx", { MAIL: "550 5.7.1 not you" }, "failed 550 5.7.1"],
    ["a close at MAIL", { MAIL: "close" }, "deferred 451 4.4.2"],
    ["RCPT 5xx for all", { RCPT: "550 5.1.1 no" }, "failed 550 5.1.1"],
    ["DATA 4xx", { DATA: "451 4.3.0 later" }, "deferred 451 4.3.0"],
    ["DATA 5xx", { DATA: "554 5.5.1 no" }, "failed 554 5.5.1"],
    ["content 4xx", { ".": "452 4.3.1 disk full" }, "deferred 452 4.3.1"],
    ["content 5xx", { ".": "554 5.7.1 spam" }, "failed 554 5.7.1"],
    ["a close after the final dot", { ".": "close" }, "deferred 451 4.4.2"],
    ["421 after the final dot", { ".": "421 4.3.2 going down" }, "deferred 421 4.3.2"],
    ["nonsense", { greeting: "hello there" }, "deferred 451 4.4.2"],
  ])("%s", async (_, script, expected) => {
    const server = await serve(script);
    expect(brief(await deliver(server.port))).toEqual([`a@example.org ${expected}`]);
  });

  it("defers where nobody listens", async () => {
    expect(brief(await deliver(await closedPort()))).toEqual(["a@example.org deferred 451 4.4.2"]);
  });

  it("passes on addresses whatever stands between their quotes, and none stands in the way of another", async () => {
    const server = await serve({ RCPT: (line) => (line.includes("no") ? "550 5.1.1 no" : "250 ok") });
    const to = ['"a<b>c"@example.org', "plain@example.org", '"no @ one"@example.org', '"no, <body>"@example.org'];
    const outcomes = await deliver(server.port, { to, envelope: { reversePath: addressOf('"s>t"@example.net') } });
    expect(brief(outcomes)).toEqual([
      '"a<b>c"@example.org relayed 250 2.0.0',
      "plain@example.org relayed 250 2.0.0",
      '"no @ one"@example.org failed 550 5.1.1',
      '"no, <body>"@example.org failed 550 5.1.1',
    ]);
    expect(server.heard.filter((line) => /^(?:MAIL|RCPT)/.test(line))).toEqual([
      'MAIL FROM:<"s>t"@example.net>',
      ...to.map((address) => `RCPT TO:<${address}>`),
    ]);
  });

  it("does not pipeline its way past a refusal: with PIPELINING each recipient still has its own answer", async () => {
    const server = await serve({
      EHLO: "250-peer.example\r\n250 PIPELINING",
      RCPT: (line) => (line.includes("bad") ? "550 5.1.1 no" : "250 ok"),
    });
    const outcomes = await deliver(server.port, { to: ["bad@example.org", "good@example.org", "bad2@example.org"] });
    expect(brief(outcomes)).toEqual([
      "bad@example.org failed 550 5.1.1",
      "good@example.org relayed 250 2.0.0",
      "bad2@example.org failed 550 5.1.1",
    ]);
  });
});

describe("several hosts", () => {
  const two = { nextHops: hostsAt(["127.0.0.1", "127.0.0.1"]) };
  it("asks the next one when the first has put it off", async () => {
    let asked = 0;
    const server = await serve({ RCPT: () => (asked++ === 0 ? "450 4.2.0 later" : "250 ok") });
    expect(brief(await deliver(server.port, { options: two }))).toEqual(["a@example.org relayed 250 2.0.0"]);
    expect(server.connections()).toBe(2);
  });
  it("asks nobody else once the content was sent and no answer came", async () => {
    const server = await serve({ ".": "close" });
    expect(brief(await deliver(server.port, { options: two }))).toEqual(["a@example.org deferred 451 4.4.2"]);
    expect(server.connections()).toBe(1);
  });
});

describe("next hops", () => {
  const unknown = { code: 550, status: "5.1.2", text: "nobody", host: null } as const;
  const byName = (names: Readonly<Record<string, number | typeof unknown>>): Partial<RelayOptions> => ({
    nextHops: {
      hosts: async ({ host }) => {
        const known = names[host];
        if (typeof known === "number") return { at: "found", hosts: [{ name: host, address: "127.0.0.1" }] };
        return { at: "failed", reply: known ?? unknown };
      },
    },
  });
  it("fallback relays get what cannot be found or reached", async () => {
    const server = await serve();
    const options = { ...byName({ "fallback.example": 1 }), fallbackRelays: ["[fallback.example]"] };
    expect(brief(await deliver(server.port, { options }))).toEqual(["a@example.org relayed 250 2.0.0"]);
    const closed = await closedPort();
    const more = {
      ...byName({ "example.org": 1, "fallback.example": 1 }),
      fallbackRelays: [`[fallback.example]:${server.port}`],
    };
    expect(brief(await deliver(closed, { options: more }))).toEqual(["a@example.org relayed 250 2.0.0"]);
  });
  it("fallback relays get nothing that was answered", async () => {
    const first = await serve({ RCPT: "450 4.2.0 later" });
    const other = await serve();
    const found = {
      ...byName({ "example.org": 1, "fallback.example": 1 }),
      fallbackRelays: [`[fallback.example]:${other.port}`],
    };
    expect(brief(await deliver(first.port, { options: found }))).toEqual(["a@example.org deferred 450 4.2.0"]);
    const nullMx = { ...unknown, code: 556, status: "5.1.10" } as never;
    const refused = {
      ...byName({ "example.org": nullMx, "fallback.example": 1 }),
      fallbackRelays: ["[fallback.example]"],
    };
    expect(brief(await deliver(other.port, { options: refused }))).toEqual(["a@example.org failed 556 5.1.10"]);
    expect(other.connections()).toBe(0);
  });
  it("that nobody knows fail", async () => {
    expect(brief(await deliver(1, { options: byName({}) }))).toEqual(["a@example.org failed 550 5.1.2"]);
  });
  it("whose login cannot be told now are not asked", async () => {
    const server = await serve();
    const options: Partial<RelayOptions> = { loginFor: () => Promise.reject(new Error("the table is away")) };
    expect(brief(await deliver(server.port, { options }))).toEqual(["a@example.org deferred 451 4.3.5"]);
    expect(server.connections()).toBe(0);
  });
});

it("outcomes say what they speak of", async () => {
  const speaksOf = async (script: Script) => [...(await deliver((await serve(script)).port)).values()][0]?.speaksOf;
  expect(await speaksOf({ greeting: "554 5.3.2 no" })).toBe("destination");
  expect(await speaksOf({ RCPT: "450 4.2.0 later" })).toBe("recipient");
  expect(await speaksOf({ ".": "451 4.3.0 later" })).toBe("message");
  expect(await speaksOf({ ".": "421 4.3.2 bye" })).toBe("destination");
  const closed = await closedPort();
  expect([...(await deliver(closed)).values()][0]?.speaksOf).toBe("destination");
});

describe("what is said to the other side", () => {
  const extensions = "250-peer.example\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN";
  it("passes on parameters, recipient by recipient", async () => {
    const server = await serve({ EHLO: extensions });
    const recipients = [
      {
        ...recipientOf("a@example.org", 1),
        notify: new Set(["success" as const]),
        orcpt: { type: "rfc822", address: "x+y@example.org" },
      },
      { ...recipientOf("b@example.org", 2), notify: new Set(["never" as const]) },
    ];
    const outcomes = await deliver(server.port, {
      to: ["a@example.org", "b@example.org"],
      envelope: { body: "8bitmime", ret: "hdrs", envid: "e=1", recipients },
    });
    expect(server.heard).toContain("MAIL FROM:<sender@example.net> SIZE=20 BODY=8BITMIME RET=HDRS ENVID=e+3D1");
    expect([...outcomes.values()].every(({ isDsnPassedOn }) => isDsnPassedOn)).toBe(true);
  });
  describe("binary mail", () => {
    const binary = "Subject: b\r\n\r\n\0\n.\r\n.\r\nQUIT\r\n\r";
    const takesIt = "250-peer.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 BINARYMIME";
    it("goes by BDAT, octet by octet as it is", async () => {
      const server = await serve({ EHLO: takesIt, RCPT: (line) => (line.includes("bad") ? "550 5.1.1 no" : "250 ok") });
      const outcomes = await deliver(server.port, {
        to: ["bad@example.org", "good@example.org"],
        envelope: { body: "binarymime" },
        content: binary,
      });
      expect(brief(outcomes)).toEqual(["bad@example.org failed 550 5.1.1", "good@example.org relayed 250 2.0.0"]);
      expect(server.heard).toContain("MAIL FROM:<sender@example.net> BODY=BINARYMIME");
      expect(server.heard).not.toContain("DATA");
      expect(server.contents).toEqual([binary]);
    });
    it("has the answer to its chunk", async () => {
      const server = await serve({ EHLO: takesIt, ".": "452 4.3.1 disk full" });
      const outcomes = await deliver(server.port, { envelope: { body: "binarymime" }, content: binary });
      expect(brief(outcomes)).toEqual(["a@example.org deferred 452 4.3.1"]);
    });
    it.each(["250 CHUNKING", "250 8BITMIME"])("is given back where all that is offered is %s", async (offered) => {
      const server = await serve({ EHLO: `250-peer.example\r\n${offered}` });
      const outcomes = await deliver(server.port, { envelope: { body: "binarymime" }, content: binary });
      expect(brief(outcomes)).toEqual(["a@example.org failed 554 5.6.3"]);
      expect(server.heard.some((line) => line.startsWith("MAIL"))).toBe(false);
    });
  });
  it("sends the null reverse-path, and quoted local parts as they are", async () => {
    const server = await serve();
    await deliver(server.port, { to: ['"a b"@example.org'], envelope: { reversePath: null } });
    expect(server.heard.slice(1, 3)).toEqual(["MAIL FROM:<>", 'RCPT TO:<"a b"@example.org>']);
  });
  it.each<[string, Partial<Envelope>, string]>([
    ["SMTPUTF8", { isSmtpUtf8: true }, "failed 550 5.6.7"],
    ["REQUIRETLS", { requiresTls: true }, "failed 550 5.7.30"],
  ])("keeps mail back that needs %s where it is not offered", async (_, envelope, expected) => {
    const server = await serve();
    expect(brief(await deliver(server.port, { envelope }))).toEqual([`a@example.org ${expected}`]);
    expect(server.heard.some((line) => line.startsWith("MAIL"))).toBe(false);
  });
  it("gives back only those whose address needs SMTPUTF8 where it is not offered", async () => {
    const server = await serve();
    const outcomes = await deliver(server.port, { to: ["a@example.org", "j\u00f6rg@example.org"] });
    expect(brief(outcomes)).toEqual(["a@example.org relayed 250 2.0.0", "j\u00f6rg@example.org failed 550 5.6.7"]);
    expect(server.heard.filter((line) => line.startsWith("RCPT"))).toEqual(["RCPT TO:<a@example.org>"]);
    const other = await serve();
    expect(brief(await deliver(other.port, { to: ["j\u00f6rg@example.org"] }))).toEqual([
      "j\u00f6rg@example.org failed 550 5.6.7",
    ]);
    const sender = await serve();
    const envelope = { reversePath: addressOf("j\u00f6rg@example.net") };
    expect(brief(await deliver(sender.port, { envelope }))).toEqual(["a@example.org failed 550 5.6.7"]);
    expect([...other.heard, ...sender.heard].some((line) => line.startsWith("MAIL"))).toBe(false);
  });
});

describe("TLS and logins", () => {
  it("defers where TLS is required and not offered", async () => {
    const server = await serve({ STAR: "502 5.5.1 what?" });
    const [outcome] = brief(await deliver(server.port, { tls: "required" }));
    expect(outcome).toMatch(/^a@example.org deferred/);
    expect(server.heard.some((line) => line.startsWith("MAIL"))).toBe(false);
  });
  it("goes on in clear after a handshake that failed, where encryption is no condition", async () => {
    const server = await serve({ EHLO: "250-peer.example\r\n250 STARTTLS", STAR: "220 go on" });
    const [outcome] = brief(await deliver(server.port, { replyMs: 500 }));
    expect(outcome).toBe("a@example.org relayed 250 2.0.0");
    expect(server.connections()).toBe(2);
  });
  it("logs in, and defers when the login is refused", async () => {
    const login = { username: "me", password: "secret" };
    const good = await serve({ EHLO: "250-peer.example\r\n250 AUTH PLAIN", AUTH: "235 2.7.0 welcome" });
    expect(brief(await deliver(good.port, { login }))).toEqual(["a@example.org relayed 250 2.0.0"]);
    expect(good.heard).toContain(`AUTH PLAIN ${Buffer.from("\0me\0secret").toString("base64")}`);
    const bad = await serve({ EHLO: "250-peer.example\r\n250 AUTH PLAIN", AUTH: "535 5.7.8 no" });
    expect(brief(await deliver(bad.port, { login }))).toEqual(["a@example.org deferred 535 5.7.8"]);
  });
});

it("ends when the delivery is called off", async () => {
  const controller = new AbortController();
  const server = await serve({
    MAIL: () => {
      controller.abort();
      return "250-unfinished";
    },
  });
  expect(brief(await deliver(server.port, { signal: controller.signal }))).toEqual([
    "a@example.org deferred 451 4.4.2",
  ]);
});
