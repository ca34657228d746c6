import { describe, expect, it, onTestFinished } from "vitest";
import { REINJECTED_LABEL, TLS_OPTIONAL_LABEL } from "../contracts/envelope.ts";
import type { Hooks } from "../contracts/hooks.ts";
import type { Session } from "../contracts/session.ts";
import { definePlugin } from "../kernel/define.ts";
import { accept, defer, expanded, found, proceed, reject } from "../kernel/verdicts.ts";
import { parseAddress } from "../mail/address.ts";
import { keptLog, type Listed } from "../testing/kernel.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { type PeerGrants, smtpPeers } from "./peers.ts";

const hooks = (given: Hooks): Listed => definePlugin({ name: "policy-test", api: 1, setup: () => ({ hooks: given }) });
const nothing: PeerGrants = { from: null, xclient: [], xforward: [], vrfy: "off", etrn: "off", etrnDomains: null };
const granted = (grants: Partial<PeerGrants>): NonNullable<SmtpTestOptions["config"]> => ({
  peers: smtpPeers({ ...nothing, ...grants }),
});
const proxy = granted({ xclient: ["127.0.0.1"] });

async function serverWith(options: SmtpTestOptions): Promise<SmtpTestServer> {
  const server = await smtpTestServer({ ...options, plugins: [...(options.plugins ?? []), fixture] });
  onTestFinished(() => server.close());
  return server;
}

async function connected(server: SmtpTestServer): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

async function greeted(server: SmtpTestServer): Promise<RawClient> {
  const client = await connected(server);
  await client.until(/220 .*\r\n/);
  await client.say("EHLO client.example.net");
  return client;
}

async function send(client: RawClient, text = "Subject: x\r\n\r\nbody", to = "user@example.org"): Promise<string> {
  await client.say("MAIL FROM:<a@example.net>");
  await client.say(`RCPT TO:<${to}>`);
  await client.say("DATA");
  return client.say(`${text}\r\n.`);
}

describe("XCLIENT", () => {
  it("asks `connect` again with the client that the proxy names", async () => {
    const asked: unknown[] = [];
    const connect = (session: Session) => {
      const { remote, local, heloName, isExtended } = session;
      asked.push({
        remote: { ...remote, port: remote.port === 2525 ? 2525 : 0 },
        local: local.port,
        heloName,
        isExtended,
      });
      return proceed;
    };
    const client = await greeted(await serverWith({ plugins: [hooks({ connect })], config: proxy }));
    const said =
      "ADDR=192.0.2.7 PORT=2525 NAME=Client.example.com HELO=c.example PROTO=smtp DESTADDR=192.0.2.1 DESTPORT=25";
    expect(await client.say(`XCLIENT ${said}`)).toMatch(/^220 /);
    expect(asked[1]).toEqual({
      remote: { address: "192.0.2.7", port: 2525, hostname: "client.example.com" },
      local: 25,
      heloName: "c.example",
      isExtended: false,
    });
  });

  it("leaves the proxy's name behind where only an address is given, and knows a mapped IPv4 address", async () => {
    const asked: unknown[] = [];
    const connect = ({ remote }: Session) => {
      asked.push([remote.address, remote.hostname]);
      return proceed;
    };
    const client = await greeted(await serverWith({ plugins: [hooks({ connect })], config: proxy }));
    await client.say("XCLIENT NAME=proxy.example.net");
    await client.say("XCLIENT ADDR=IPV6:::ffff:192.0.2.7");
    await client.say("XCLIENT ADDR=[UNAVAILABLE]");
    expect(asked.slice(1)).toEqual([
      ["127.0.0.1", "proxy.example.net"],
      ["192.0.2.7", null],
      ["unknown", null],
    ]);
  });

  it("is refused where `connect` refuses the client, and the connection ends", async () => {
    const connect = ({ remote }: Session) =>
      remote.address === "192.0.2.7" ? reject("Go away", { close: true }) : proceed;
    const client = await greeted(await serverWith({ plugins: [hooks({ connect })], config: proxy }));
    client.send("XCLIENT ADDR=192.0.2.7\r\nNOOP\r\n");
    expect(await client.closed()).toMatch(/554 Go away\r\n$/);
  });

  it("forgets what was refused to the client before", async () => {
    const connect = ({ remote }: Session) =>
      remote.address === "127.0.0.1" ? reject("Not the proxy itself") : proceed;
    const client = await greeted(await serverWith({ plugins: [hooks({ connect })], config: proxy }));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("554 5.7.1 Not the proxy itself");
    await client.say("RSET");
    await client.say("XCLIENT ADDR=192.0.2.7");
    await client.say("EHLO client.example.com");
    expect(await send(client)).toMatch(/^250/);
  });

  it("logs a client in and out, and defers where nobody can tell who that is", async () => {
    const directory = hooks({
      findAccount: (query) => {
        if (!("login" in query)) return proceed;
        if (query.login === "later") return defer("away");
        return query.login === "ann" ? found({ login: "ann", addresses: [], home: "/", quotaBytes: null }) : proceed;
      },
    });
    const seen: unknown[] = [];
    const watch = definePlugin({
      name: "policy-watch",
      api: 1,
      setup: () => ({
        hooks: {
          mailFrom({ session }) {
            seen.push(session?.identity);
            return proceed;
          },
        },
      }),
    });
    const server = await serverWith({ plugins: [directory, watch], config: proxy, role: "submission" });
    const client = await greeted(server);
    expect(await client.say("XCLIENT LOGIN=later")).toBe("451 4.3.0 Temporary error, try again later");
    for (const login of ["ann", "somebody+20else"]) {
      expect(await client.say(`XCLIENT LOGIN=${login}`)).toMatch(/^220/);
      await client.say("EHLO client.example.net");
      expect(await client.say("MAIL FROM:<ann@example.org>")).toBe("250 2.1.0 Ok");
      await client.say("RSET");
    }
    expect(seen).toEqual([
      { login: "ann", account: expect.objectContaining({ login: "ann" }) },
      { login: "somebody else" },
    ]);
    await client.say("XCLIENT ADDR=192.0.2.7");
    await client.say("EHLO client.example.net");
    expect(await client.say("MAIL FROM:<ann@example.org>")).toBe("530 5.7.0 Authentication required");
  });

  it("is for the named networks only, and not announced to others", async () => {
    const client = await connected(await serverWith({ config: granted({ xclient: ["192.0.2.0/24"] }) }));
    await client.until(/220 .*\r\n/);
    client.send("EHLO client.example.net\r\n");
    expect(await client.until(/^250 .*\r\n/m)).not.toMatch(/XCLIENT|XFORWARD|ETRN/);
    expect(await client.say("XCLIENT ADDR=192.0.2.7")).toBe("550 5.7.0 You are not allowed to say that");
    expect(await client.say("XFORWARD ADDR=192.0.2.7")).toBe("550 5.7.0 You are not allowed to say that");
  });

  it("lets two sessions be two clients", async () => {
    const server = await serverWith({ config: proxy });
    const [one, other] = [await greeted(server), await greeted(server)];
    await one.say("XCLIENT ADDR=192.0.2.7");
    await one.say("EHLO one.example.com");
    await send(one);
    await send(other);
    expect(server.accepted.map(({ envelope }) => envelope.session?.remote.address)).toEqual(["192.0.2.7", "127.0.0.1"]);
  });
});

describe("XFORWARD", () => {
  it("shows in the log of the message, and is forgotten with RSET", async () => {
    const { log, lines } = keptLog();
    const client = await greeted(await serverWith({ log, config: granted({ xforward: ["127.0.0.0/8"] }) }));
    await client.say("XFORWARD NAME=a.example.com ADDR=192.0.2.7 IDENT=first SOURCE=REMOTE");
    await send(client);
    await client.say("XFORWARD IDENT=second");
    await client.say("RSET");
    await send(client);
    const queued = lines.filter(({ text }) => text === "queued").map(({ fields }) => fields.forwarded);
    expect(queued).toEqual([
      expect.objectContaining({ name: "a.example.com", address: "192.0.2.7", ident: "first", source: "remote" }),
      undefined,
    ]);
  });
});

describe("a listener for named networks", () => {
  it("tells others to go before anything is asked", async () => {
    let asked = 0;
    const connect = () => {
      asked += 1;
      return proceed;
    };
    const server = await serverWith({
      plugins: [hooks({ connect })],
      config: granted({ from: ["192.0.2.0/24", "unix"] }),
    });
    const client = await connected(server);
    expect(await client.closed()).toBe("554 Access denied\r\n");
    expect(asked).toBe(0);
  });
});

describe("what a content filter hands back", () => {
  const back = { role: "reinject", config: granted({ from: ["127.0.0.1"], xforward: ["127.0.0.1"] }) } as const;
  const address = (text: string) => {
    const parsed = parseAddress(text);
    if (!parsed) throw new Error(text);
    return parsed;
  };

  it("is taken for anybody, carries the label, and is neither completed nor prepared again", async () => {
    let prepared = 0;
    const prepare = () => {
      prepared += 1;
      return proceed;
    };
    const server = await serverWith({ ...back, plugins: [hooks({ prepare })] });
    const client = await greeted(server);
    expect(await send(client, "X: y\r\n\r\nbody", "stranger@example.com")).toMatch(/^250/);
    const [kept] = server.accepted;
    expect(kept?.envelope.labels).toEqual({ [REINJECTED_LABEL]: true });
    expect(kept?.text).not.toMatch(/^(?:Date|Message-ID):/im);
    expect(prepared).toBe(0);
  });

  it("is not expanded again, but an alias that the filter adds leads on", async () => {
    const expand: Hooks["expand"] = (recipient) =>
      ["user@example.org", "spam@example.org"].includes(String(recipient.address)) && recipient.parents.length === 0
        ? expanded([{ address: address("other@example.org") }])
        : proceed;
    const server = await serverWith({ ...back, plugins: [hooks({ expand })] });
    const client = await greeted(server);
    await send(client);
    await send(client, "x", "spam@example.org");
    const to = server.accepted.map(({ envelope }) => envelope.recipients.map((recipient) => recipient.address));
    expect(to).toEqual([["user@example.org"], ["other@example.org"]]);
  });

  it("is judged by plugins for its role, and by none for others", async () => {
    const only = (name: string, role: string): Listed => [
      definePlugin({ name, api: 1, setup: () => ({ hooks: { message: () => reject(name) } }) }),
      {},
      { when: { role: [role], listener: null } },
    ];
    const free = await serverWith({ ...back, plugins: [only("policy-mx", "mx")] });
    expect(await send(await greeted(free))).toMatch(/^250/);
    const strict = await serverWith({ ...back, plugins: [only("policy-back", "reinject")] });
    expect(await send(await greeted(strict))).toBe("554 5.7.1 policy-back");
  });

  it("is not the way for others: the same from an mx listener is denied", async () => {
    const client = await greeted(await serverWith({}));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<stranger@example.com>")).toBe("550 5.7.1 Relay access denied");
  });
});

describe("VRFY", () => {
  it("says no more than RCPT would: standing refusals count", async () => {
    const connect = () => reject("Not you");
    const client = await greeted(
      await serverWith({ plugins: [hooks({ connect })], config: granted({ vrfy: "always" }) }),
    );
    expect(await client.say("VRFY user")).toBe("554 5.7.1 Not you");
    expect(await client.say("VRFY nobody")).toBe("554 5.7.1 Not you");
    expect(await client.say("VRFY postmaster")).toBe("250 2.1.5 <postmaster>");
  });

  it.each([
    ["authenticated", "252"],
    [["192.0.2.0/24"], "252"],
    [["127.0.0.1"], "250"],
  ] as const)("%j: a client that has not logged in gets %s", async (vrfy, code) => {
    const client = await greeted(await serverWith({ config: granted({ vrfy }) }));
    expect(await client.say("VRFY user")).toMatch(new RegExp(`^${code} `));
    await client.say("AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAc2VjcmV0");
    expect(await client.say("VRFY user")).toMatch(/^250 /);
  });

  it("gives 252 for what is only passed on, and does not tell where an alias leads", async () => {
    const plugin = hooks({
      destination: (_, { address: { domain } }) => (domain === "example.com" ? accept("relayed") : proceed),
      findDomain: ({ domain }) => (domain === "alias.example" ? accept("aliases") : proceed),
      expand: ({ address: asked }) => {
        const target = parseAddress("secret@example.com");
        return asked.domain === "alias.example" && target ? expanded([{ address: target }]) : proceed;
      },
    });
    const client = await greeted(await serverWith({ plugins: [plugin], config: granted({ vrfy: "always" }) }));
    expect(await client.say("VRFY x@example.com")).toMatch(/^252 /);
    expect(await client.say("VRFY user")).toBe("250 2.1.5 <user>");
    expect(await client.say("VRFY sales@alias.example")).toBe("250 2.1.5 <sales@alias.example>");
  });

  it("counts as a mistake when it fails: addresses cannot be tried without end", async () => {
    const config = { ...granted({ vrfy: "always" }), limits: { errors: 3 } };
    const client = await greeted(await serverWith({ config }));
    client.send("VRFY a\r\nVRFY b\r\nVRFY c\r\nVRFY d\r\n");
    expect(await client.closed()).toMatch(/(?:550 .*\r\n){3}421 4\.7\.0 Too many errors\r\n$/);
  });
});

describe("what the next host has to know", () => {
  it("keeps REQUIRETLS, and then minds no TLS-Required field", async () => {
    const server = await serverWith({ tls: "optional" });
    const client = await greeted(server);
    await client.say("STARTTLS");
    await client.startTls();
    await client.say("EHLO client.example.net");
    await client.say("MAIL FROM:<a@example.net> REQUIRETLS");
    await client.say("RCPT TO:<user@example.org>");
    await client.say("DATA");
    await client.say("TLS-Required: No\r\n\r\nx\r\n.");
    await send(client, "tls-required:  no\r\n\r\nx");
    await send(client, "TLS-Required: perhaps\r\n\r\nx");
    await send(client, "Subject: x\r\n\r\nTLS-Required: No");
    expect(server.accepted.map(({ envelope }) => [envelope.requiresTls, envelope.labels[TLS_OPTIONAL_LABEL]])).toEqual([
      [true, undefined],
      [false, true],
      [false, undefined],
      [false, undefined],
    ]);
  });

  it("keeps SMTPUTF8 for mail that needs it, and the trace says how it came", async () => {
    const server = await serverWith({});
    const client = await greeted(server);
    const sendUtf8 = async (from: string, to: string, text: string) => {
      await client.say(`MAIL FROM:<${from}> SMTPUTF8`);
      client.send(Buffer.from(`RCPT TO:<${to}>\r\nDATA\r\n`));
      await client.until(/354 .*\r\n/);
      client.send(Buffer.from(`${text}\r\n.\r\n`));
      await client.until(/^250 2\.0\.0 Ok: queued.*\r\n/m);
    };
    await sendUtf8("a@example.net", "user@example.org", "Subject: plain\r\n\r\nü");
    await sendUtf8("a@example.net", "user@example.org", "Subject: ü\r\n\r\nx");
    await sendUtf8("a@example.net", "jörg@example.org", "Subject: x\r\n\r\nx");
    expect(server.accepted.map(({ envelope }) => envelope.isSmtpUtf8)).toEqual([false, true, true]);
    for (const { text } of server.accepted) expect(text).toContain(" with UTF8SMTP id ");
    expect(Buffer.from(server.accepted[2]?.text ?? "", "latin1").toString()).toContain("for <jörg@example.org>");
  });
});

describe("postmaster", () => {
  it("is taken by every name of this host, whatever refuses others", async () => {
    const server = await serverWith({ plugins: [hooks({ rcptTo: () => reject("Nobody") })] });
    const client = await greeted(server);
    await client.say("MAIL FROM:<a@example.net>");
    for (const to of ["Postmaster", "postmaster@MX.example.org", "postmaster@[127.0.0.1]", "postmaster@example.org"])
      expect(await client.say(`RCPT TO:<${to}>`)).toBe("250 2.1.5 Ok");
    expect(await client.say("RCPT TO:<postmaster@[192.0.2.1]>")).toMatch(/^550/);
    expect(await client.say("RCPT TO:<user@[127.0.0.1]>")).toBe("550 5.7.1 Nobody");
  });

  it("leaves no one else exempt: a user at our address literal is a user of this host", async () => {
    const client = await greeted(await serverWith({}));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@[127.0.0.1]>")).toBe("250 2.1.5 Ok");
    expect(await client.say("RCPT TO:<nobody@[127.0.0.1]>")).toBe("550 5.1.1 User unknown");
    expect(await client.say("RCPT TO:<user@[192.0.2.1]>")).toBe("550 5.7.1 Relay access denied");
  });
});
