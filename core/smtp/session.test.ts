import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin } from "../kernel/define.ts";
import { allow, amend, defer, proceed, reject } from "../kernel/verdicts.ts";
import { keptLog, type Listed } from "../testing/kernel.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

const policy = (hooks: Hooks): Listed => definePlugin({ name: "policy-test", api: 1, setup: () => ({ hooks }) });

async function serverWith(options: SmtpTestOptions = {}): Promise<SmtpTestServer> {
  const server = await smtpTestServer({ ...options, plugins: [...(options.plugins ?? []), fixture] });
  onTestFinished(() => server.close());
  return server;
}

async function greeted(server: SmtpTestServer): Promise<RawClient> {
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  await client.say("EHLO client.example.net");
  return client;
}

async function connected(server: SmtpTestServer): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

const LOGIN = "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAc2VjcmV0";

async function toData(client: RawClient): Promise<void> {
  expect(await client.say("MAIL FROM:<a@example.net>")).toMatch(/^250/);
  expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^250/);
  expect(await client.say("DATA")).toMatch(/^354/);
}

describe("delayed refusals", () => {
  it.each<[keyof Hooks, Hooks, string]>([
    ["connect", { connect: () => reject("Not you") }, "554 5.7.1 Not you"],
    ["connect", { connect: () => defer("Not now") }, "450 4.7.1 Not now"],
    ["helo", { helo: () => reject("Bad name", { code: 550, detail: "7.1" }) }, "550 5.7.1 Bad name"],
    ["mailFrom", { mailFrom: () => defer("Not now", { code: 451, detail: "1.8" }) }, "451 4.1.8 Not now"],
    ["mailFrom", { mailFrom: async () => reject("Never") }, "550 5.7.1 Never"],
  ])("gives the refusal of %s at RCPT, and the log has the recipient", async (hook, hooks, expected) => {
    const { log, lines } = keptLog();
    const client = await greeted(await serverWith({ plugins: [policy(hooks)], log }));
    expect(await client.say("MAIL FROM:<a@example.net>")).toBe("250 2.1.0 Ok");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe(expected);
    const line = lines.find(({ text }) => text === "refused");
    expect(line?.fields).toMatchObject({ hook, plugin: "policy-test", from: "a@example.net", to: "user@example.org" });
  });

  it("spares postmaster, but for rate", async () => {
    const hooks: Hooks = {
      mailFrom: (_, from) => (from?.localPart === "fast" ? defer("Too fast", { detail: "7.28" }) : reject("Never")),
    };
    const client = await greeted(await serverWith({ plugins: [policy(hooks)] }));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("550 5.7.1 Never");
    expect(await client.say("RCPT TO:<Postmaster>")).toBe("250 2.1.5 Ok");
    expect(await client.say("RCPT TO:<postmaster@example.org>")).toBe("250 2.1.5 Ok");
    await client.say("RSET");
    await client.say("MAIL FROM:<fast@example.net>");
    expect(await client.say("RCPT TO:<Postmaster>")).toBe("450 4.7.28 Too fast");
  });

  it("forgets the refusal of a sender with its transaction, and that of a name with the next", async () => {
    const hooks: Hooks = {
      helo: (_, name) => (name === "bad.example" ? reject("Bad name") : proceed),
      mailFrom: (_, from) => (from?.localPart === "bad" ? reject("Bad sender") : proceed),
    };
    const client = await greeted(await serverWith({ plugins: [policy(hooks)] }));
    await client.say("MAIL FROM:<bad@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/Bad sender/);
    await client.say("RSET");
    await client.say("EHLO bad.example");
    await client.say("MAIL FROM:<good@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/Bad name/);
    await client.say("EHLO good.example");
    await client.say("MAIL FROM:<good@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("250 2.1.5 Ok");
  });

  it("lets a refusal lapse with AUTH where the plugin says so", async () => {
    const hooks: Hooks = { connect: () => reject("Dynamic address", { unlessAuthenticated: true }) };
    for (const delayReject of [true, false]) {
      const server = await serverWith({ plugins: [policy(hooks)], config: { delayReject } });
      const stranger = await greeted(server);
      await stranger.say("MAIL FROM:<a@example.net>");
      expect(await stranger.say("RCPT TO:<user@example.org>")).toBe("554 5.7.1 Dynamic address");
      const user = await greeted(server);
      expect(await user.say(LOGIN)).toMatch(/^235/);
      await user.say("MAIL FROM:<a@example.net>");
      expect(await user.say("RCPT TO:<user@example.org>")).toBe("250 2.1.5 Ok");
    }
  });

  it("refuses at once where delayReject is off", async () => {
    const hooks: Hooks = {
      helo: (_, name) => (name === "bad.example" ? reject("Bad name") : proceed),
      mailFrom: () => reject("Never"),
    };
    const client = await greeted(await serverWith({ plugins: [policy(hooks)], config: { delayReject: false } }));
    expect(await client.say("MAIL FROM:<a@example.net>")).toBe("550 5.7.1 Never");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("503 5.5.1 Need MAIL first");
    expect(await client.say("EHLO bad.example")).toBe("550 Bad name");
    expect(await client.say("MAIL FROM:<a@example.net>")).toBe("503 5.5.1 Say EHLO first");
  });

  it.each<[string, Hooks, RegExp]>([
    ["reject at connect", { connect: () => reject("Go away", { close: true }) }, /^554 Go away\r\n$/],
    ["defer at connect", { connect: async () => defer("Busy", { close: true }) }, /^421 Busy\r\n$/],
    ["reject at HELO", { helo: () => reject("Go away", { close: true }) }, /^220 .*\r\n550 Go away\r\n$/],
    ["defer at HELO", { helo: () => defer("Busy", { close: true }) }, /^220 .*\r\n421 Busy\r\n$/],
    ["code 421 at HELO", { helo: () => defer("Busy", { code: 421 }) }, /^220 .*\r\n421 Busy\r\n$/],
    [
      "a fault at connect",
      {
        connect: () => {
          throw new Error("broken");
        },
      },
      /^421 .*\r\n$/,
    ],
  ])("answers at once and closes: %s", async (_, hooks, expected) => {
    const client = await connected(await serverWith({ plugins: [policy(hooks)] }));
    client.send("");
    if (hooks.helo) {
      await client.until(/220 .*\r\n/);
      client.send("HELO client.example.net\r\nNOOP\r\n");
    }
    expect(await client.closed()).toMatch(expected);
  });
});

describe("hooks", () => {
  const faults: readonly [string, () => unknown][] = [
    [
      "a throw",
      () => {
        throw new Error("broken");
      },
    ],
    [
      "a rejection after an await",
      async () => {
        await turn();
        throw new Error("broken");
      },
    ],
    ["a time-out", () => new Promise(() => undefined)],
    ["undefined", () => undefined],
    ["null", () => null],
    ["a promise of nothing", async () => undefined],
    ["a misspelt verdict", () => ({ verdict: "procede" })],
    ["a verdict that the hook does not allow", () => ({ verdict: "discard", reason: "x" })],
  ];
  it.each(faults)("defers with 451 4.3.0 at RCPT on %s, and the session goes on", async (_, handler) => {
    const { log, lines } = keptLog();
    const plugin = definePlugin({
      name: "policy-faulty",
      api: 1,
      setup: () => ({ hooks: { rcptTo: handler as NonNullable<Hooks["rcptTo"]> } }),
    });
    const server = await serverWith({ plugins: [[plugin, {}, { timeoutMs: 50 }]], log });
    const client = await greeted(server);
    const other = await greeted(server);
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toMatch(/^451 4\.3\.0 /);
    expect(lines.some(({ level, fields }) => level === "error" && fields.plugin === "policy-faulty")).toBe(true);
    expect(await client.say("NOOP")).toBe("250 2.0.0 Ok");
    expect(await other.say("NOOP")).toBe("250 2.0.0 Ok");
  });

  it("lets `data` refuse before 354", async () => {
    const { log, lines } = keptLog();
    const client = await greeted(await serverWith({ plugins: [policy({ data: () => reject("No content") })], log }));
    await client.say("MAIL FROM:<a@example.net>");
    await client.say("RCPT TO:<user@example.org>");
    expect(await client.say("DATA")).toBe("554 5.7.1 No content");
    expect(await client.say("MAIL FROM:<a@example.net>")).toBe("250 2.1.0 Ok");
    const line = lines.find(({ text }) => text === "refused");
    expect(line?.fields).toMatchObject({ hook: "data", from: "a@example.net", recipients: 1 });
  });

  it("applies what mailFrom and data amend", async () => {
    const server = await serverWith({
      plugins: [
        policy({
          mailFrom: () => amend({ op: "prepend", header: "X-From", value: "seen" }),
          data: () => amend({ op: "label", label: "policy-test/data", value: 1 }),
          connect: () => allow("friend"),
        }),
      ],
    });
    const client = await greeted(server);
    await toData(client);
    expect(await client.say("Subject: x\r\n\r\nbody\r\n.")).toMatch(/^250 2\.0\.0 Ok: queued as \S+$/);
    expect(server.accepted[0]?.text).toContain("X-From: seen\r\n");
    expect(server.accepted[0]?.envelope.labels).toEqual({ "policy-test/data": 1 });
  });

  it("answers the message's refusal behind the dot, in plain SMTP once", async () => {
    const server = await serverWith({ plugins: [policy({ message: () => reject("Spam", { detail: "7.1" }) })] });
    const client = await greeted(server);
    await toData(client);
    expect(await client.say("spam\r\n.")).toBe("554 5.7.1 Spam");
    expect(await client.say("NOOP")).toBe("250 2.0.0 Ok");
    expect(server.accepted).toHaveLength(0);
  });

  it("asks `tls` after STARTTLS's handshake and tells `transactionEnd` however a transaction ends", async () => {
    const ended: string[] = [];
    const server = await serverWith({
      plugins: [policy({ transactionEnd: (envelope) => void ended.push(envelope.reversePath?.toString() ?? "") })],
    });
    const client = await greeted(server);
    await client.say("MAIL FROM:<rset@example.net>");
    await client.say("RSET");
    await client.say("MAIL FROM:<ehlo@example.net>");
    await client.say("EHLO again.example.net");
    await client.say("MAIL FROM:<gone@example.net>");
    client.socket.destroy();
    const other = await greeted(server);
    await expect.poll(() => ended).toEqual(["rset@example.net", "ehlo@example.net", "gone@example.net"]);
    other.socket.destroy();
  });
});

describe("the hook `tls`", () => {
  const shy: Hooks = { tls: (session) => (session.tls === null ? proceed : reject("Wrong certificate")) };

  async function secured(server: SmtpTestServer): Promise<RawClient> {
    const client = await greeted(server);
    expect(await client.say("STARTTLS")).toMatch(/^220/);
    await client.startTls();
    return client;
  }

  it("is asked after STARTTLS, and its refusal is given at RCPT, to postmaster too", async () => {
    const server = await serverWith({ plugins: [policy(shy)], tls: "optional" });
    const client = await secured(server);
    await client.say("EHLO client.example.net");
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("554 5.7.1 Wrong certificate");
    expect(await client.say("RCPT TO:<postmaster>")).toBe("554 5.7.1 Wrong certificate");
  });

  it("holds commands back while it thinks, and answers them then", async () => {
    const slow: Hooks = {
      tls: async () => {
        await turn();
        await turn();
        return proceed;
      },
    };
    const client = await secured(await serverWith({ plugins: [policy(slow)], tls: "optional" }));
    client.send("EHLO client.example.net\r\nMAIL FROM:<a@example.net>\r\n");
    expect(await client.until(/250 2\.1\.0 Ok\r\n/)).toMatch(/^250-mx\.example\.org\r\n/);
  });

  it("is asked before the banner where TLS is implicit", async () => {
    const server = await serverWith({
      plugins: [policy({ tls: () => reject("Wrong certificate", { close: true }) })],
      tls: "implicit",
    });
    const client = await connected(server);
    await client.startTls();
    expect(await client.closed()).toBe("554 5.7.1 Wrong certificate\r\n");
  });

  it("finds the session's TLS facts", async () => {
    const { log, lines } = keptLog();
    const client = await secured(await serverWith({ tls: "optional", log }));
    await client.say("EHLO client.example.net");
    await toData(client);
    expect(await client.say("body\r\n.")).toMatch(/^250/);
    expect(lines.find(({ text }) => text === "accepted")?.fields.tls).toBe("TLSv1.3");
  });
});

describe("what it logs", () => {
  it("says one line for a message that was accepted, with its facts", async () => {
    const { log, lines } = keptLog();
    const client = await greeted(await serverWith({ log }));
    await toData(client);
    const id = /queued as (\S+)/.exec(await client.say("Subject: x\r\n\r\nbody\r\n."))?.[1];
    const accepted = lines.filter(({ text }) => text === "accepted");
    expect(accepted).toHaveLength(1);
    expect(accepted[0]).toMatchObject({
      level: "debug",
      fields: { id, from: "a@example.net", recipients: 1, sizeBytes: 20, tls: null, login: null, remote: "127.0.0.1" },
    });
    expect(accepted[0]?.fields.session).toMatch(/^\w+$/);
  });

  it("writes no password, whatever the client does", async () => {
    const { log, lines } = keptLog();
    const client = await greeted(await serverWith({ log }));
    await client.say(LOGIN.replace("c2VjcmV0", "d3Jvbmc="));
    await client.say(LOGIN);
    const text = JSON.stringify(lines);
    expect(text).not.toMatch(/secret|c2VjcmV0|wrong|d3Jvbmc/);
  });
});

describe("the end of a session", () => {
  it("gives a client that ended its side all its replies", async () => {
    const server = await serverWith();
    const client = await connected(server);
    client.socket.end(
      "EHLO x.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nhi\r\n.\r\nNOOP\r\nNO",
    );
    const text = await client.closed();
    expect(text).toMatch(/354 .*\r\n250 2\.0\.0 Ok: queued as \S+\r\n250 2\.0\.0 Ok\r\n$/);
    expect(server.accepted).toHaveLength(1);
  });

  it("drops what came of a message when the client leaves in the middle of it", async () => {
    const server = await serverWith();
    const client = await greeted(server);
    await toData(client);
    client.send("half a mess");
    client.socket.destroy();
    await expect.poll(() => server.aborted).toBe(1);
    expect(server.accepted).toHaveLength(0);
  });

  it("says 421 to an idle client when the server shuts down", async () => {
    const server = await smtpTestServer({ plugins: [fixture] });
    const client = await greeted(server);
    const closing = server.close();
    expect(await client.closed()).toMatch(/421 4\.3\.2 .*\r\n$/);
    await closing;
  });

  it("finishes the running transaction first", async () => {
    const server = await smtpTestServer({ plugins: [fixture], drainMs: 10_000 });
    const client = await greeted(server);
    await toData(client);
    const closing = server.close();
    client.send("body\r\n.\r\n");
    expect(await client.closed()).toMatch(/354 .*\r\n250 2\.0\.0 Ok: queued as \S+\r\n421 4\.3\.2 .*\r\n$/);
    expect(server.accepted).toHaveLength(1);
    await closing;
  });

  it("survives a handshake that fails, and a client that leaves in it", async () => {
    const server = await serverWith({ tls: "optional" });
    const garbage = await greeted(server);
    await garbage.say("STARTTLS");
    garbage.send("this is no ClientHello at all, not in the least\r\n");
    await garbage.closed();
    const leaver = await greeted(server);
    await leaver.say("STARTTLS");
    leaver.socket.destroy();
    await once(leaver.socket, "close");
    const client = await greeted(server);
    expect(await client.say("NOOP")).toBe("250 2.0.0 Ok");
  });
});

it.each([
  ["HELO", "SMTP"],
  ["EHLO", "ESMTP"],
])("a message that came after %s says so in its trace (RFC 3848)", async (verb, protocol) => {
  const server = await serverWith();
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  await client.say(`${verb} client.example.net`);
  await toData(client);
  expect(await client.say("Subject: hello\r\n\r\nhello\r\n.")).toMatch(/^250/);
  expect(server.accepted[0]?.text).toContain(` with ${protocol} id `);
});
