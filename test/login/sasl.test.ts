/** Every mechanism in every protocol, over real sockets and TLS, from a config file. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ScramClient } from "../../core/testing/scram-client.ts";
import { LoginServer } from "./login-server.ts";
import { type Answer, type Protocol, SaslClient } from "./sasl-client.ts";

let server: LoginServer;
beforeAll(async () => {
  server = await LoginServer.start({ login: ["cramMd5: true"] });
});
afterAll(() => server.close());

async function client(protocol: Protocol, certificate = false): Promise<SaslClient> {
  const opened = await SaslClient.openTls(server, protocol, certificate);
  onTestFinished(() => opened.destroy());
  return opened;
}

const done: Readonly<Record<Protocol, RegExp>> = { submission: /^235 2\.7\.0 /m, imap: /^a OK /m, pop3: /^\+OK /m };
const failed: Readonly<Record<Protocol, RegExp>> = {
  submission: /^535 5\.7\.8 /m,
  imap: /^a NO \[AUTHENTICATIONFAILED\] /m,
  pop3: /^-ERR \[AUTH\] /m,
};
const malformed: Readonly<Record<Protocol, RegExp>> = {
  submission: /^501 5\.5\.2 /m,
  imap: /^a BAD /m,
  pop3: /^-ERR /m,
};
const unknown: Readonly<Record<Protocol, RegExp>> = {
  submission: /^504 5\.5\.4 /m,
  imap: /^a NO \[CANNOT\] /m,
  pop3: /^-ERR /m,
};

const endOf = (answer: Answer): string => ("end" in answer ? answer.end : `a challenge: ${answer.challenge}`);
const challengeOf = (answer: Answer): Buffer => {
  if ("end" in answer) throw new Error(answer.end);
  return answer.challenge;
};

const login = "ann@example.org";

/** Logged in; leaves, as a maildrop is for one session at a time (RFC 1939 8). */
async function expectIn(protocol: Protocol, one: SaslClient, answer: Answer): Promise<void> {
  expect(endOf(answer)).toMatch(done[protocol]);
  await one.leave();
}

describe.each(["submission", "imap", "pop3"] as const)("%s", (protocol) => {
  it("offers a fresh list after STARTTLS, with -PLUS only then", async () => {
    const clear = await SaslClient.open(server, protocol);
    onTestFinished(() => clear.destroy());
    const usual = ["SCRAM-SHA-256", "SCRAM-SHA-1", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN", "CRAM-MD5"];
    expect(await clear.mechanisms()).toEqual(usual);
    expect(await (await client(protocol)).mechanisms()).toEqual([
      "SCRAM-SHA-256-PLUS",
      "SCRAM-SHA-256",
      "SCRAM-SHA-1-PLUS",
      ...usual.slice(1),
    ]);
    expect(await (await client(protocol, true)).mechanisms()).toContain("EXTERNAL");
  });

  it.each([
    ["SCRAM-SHA-256-PLUS", "tls-exporter"],
    ["SCRAM-SHA-256-PLUS", "tls-server-end-point"],
    ["SCRAM-SHA-1-PLUS", "tls-exporter"],
    ["SCRAM-SHA-256", null],
    ["SCRAM-SHA-1", null],
  ] as const)("%s bound by %s, the server's signature last", async (mechanism, type) => {
    for (const isInitial of [true, false]) {
      const one = await client(protocol);
      const binding = type && { flag: `p=${type}`, data: one.binding(type) };
      const hash = mechanism.startsWith("SCRAM-SHA-1") ? "sha1" : "sha256";
      const scram = new ScramClient({ hash, login, password: "secret", ...(binding && { binding }) });
      let answer = await one.begin(mechanism, isInitial ? scram.first() : null);
      if (!isInitial) {
        expect(challengeOf(answer)).toHaveLength(0);
        answer = await one.respond(scram.first());
      }
      answer = await one.respond(scram.final(challengeOf(answer)));
      expect(scram.isServerGenuine(challengeOf(answer))).toBe(true);
      await expectIn(protocol, one, await one.respond(""));
    }
  });

  it("refuses a wrong password, an unknown login and a channel with somebody between, all alike", async () => {
    const tries = [
      { login, password: "wrong" },
      { login: "nobody@example.org", password: "secret" },
      { login, password: "secret", binding: { flag: "p=tls-exporter", data: Buffer.alloc(32) } },
      { login, password: "secret", binding: { flag: "y" } },
    ];
    const ends = new Set<string>();
    for (const one of tries) {
      const scram = new ScramClient({ hash: "sha256", ...one });
      const it = await client(protocol);
      const plus = one.binding?.flag.startsWith("p") ? "-PLUS" : "";
      const first = await it.begin(`SCRAM-SHA-256${plus}`, scram.first());
      const end = endOf("end" in first ? first : await it.respond(scram.final(first.challenge)));
      expect(end).toMatch(failed[protocol]);
      ends.add(end);
    }
    expect(ends.size).toBe(1);
  });

  it("XOAUTH2 and OAUTHBEARER, with the reason in JSON and the client's dummy", async () => {
    const bearer = (token: string) => Buffer.from(`n,a=${login},\x01auth=Bearer ${token}\x01\x01`);
    const google = (token: string) => Buffer.from(`user=${login}\x01auth=Bearer ${token}\x01\x01`);
    for (const [mechanism, message, dummy, status] of [
      ["OAUTHBEARER", bearer, "AQ==", "invalid_token"],
      ["XOAUTH2", google, "", "401"],
    ] as const) {
      const one = await client(protocol);
      const refused = await one.begin(mechanism, message("stolen"));
      expect(JSON.parse(challengeOf(refused).toString())).toMatchObject({ status, scope: "mail" });
      expect(endOf(await one.respond(dummy))).toMatch(failed[protocol]);
      await expectIn(protocol, one, await one.begin(mechanism, message("ann-token")));
    }
  });

  it("EXTERNAL with a certificate that the listener's authority vouches for", async () => {
    const one = await client(protocol, true);
    await expectIn(protocol, one, await one.begin("EXTERNAL", Buffer.alloc(0)));
    const named = await client(protocol, true);
    expect(challengeOf(await named.begin("EXTERNAL"))).toHaveLength(0);
    await expectIn(protocol, named, await named.respond(Buffer.from(login)));
    const other = await client(protocol, true);
    expect(endOf(await other.begin("EXTERNAL", Buffer.from("bob@example.org")))).toMatch(failed[protocol]);
    expect(endOf(await (await client(protocol)).begin("EXTERNAL", Buffer.alloc(0)))).toMatch(unknown[protocol]);
  });

  it("CRAM-MD5, where it is switched on", async () => {
    const one = await client(protocol);
    const challenge = challengeOf(await one.begin("CRAM-MD5"));
    const digest = createHmac("md5", "secret").update(challenge).digest("hex");
    await expectIn(protocol, one, await one.respond(Buffer.from(`${login} ${digest}`)));
    expect(endOf(await (await client(protocol)).begin("CRAM-MD5", Buffer.from("x")))).toMatch(malformed[protocol]);
  });

  it("ends an exchange that is cancelled, malformed or no base64 at any step, and goes on", async () => {
    const one = await client(protocol);
    const scram = new ScramClient({ hash: "sha256", login, password: "secret" });
    const toServerFinal = async () => {
      const first = challengeOf(await one.begin("SCRAM-SHA-256", scram.first()));
      return scram.isServerGenuine(challengeOf(await one.respond(scram.final(first))));
    };
    await one.begin("SCRAM-SHA-256");
    expect(endOf(await one.respond("*"))).not.toMatch(done[protocol]);
    await one.begin("SCRAM-SHA-256", scram.first());
    expect(endOf(await one.respond("*"))).not.toMatch(done[protocol]);
    expect(await toServerFinal()).toBe(true);
    expect(endOf(await one.respond("*"))).not.toMatch(done[protocol]);
    await one.begin("SCRAM-SHA-256");
    expect(endOf(await one.respond("not base64!"))).toMatch(malformed[protocol]);
    expect(endOf(await one.begin("SCRAM-SHA-256", Buffer.from("n,,nonsense")))).toMatch(malformed[protocol]);
    expect(await toServerFinal()).toBe(true);
    expect(endOf(await one.respond(Buffer.from("more")))).toMatch(malformed[protocol]);
    expect(await toServerFinal()).toBe(true);
    await expectIn(protocol, one, await one.respond(""));
  });

  it("a response that is too long ends the exchange, not the session", async () => {
    const one = await client(protocol);
    await one.begin("PLAIN");
    expect(endOf(await one.respond("A".repeat(100_000)))).not.toMatch(done[protocol]);
    await expectIn(protocol, one, await one.begin("PLAIN", Buffer.from(`\0${login}\0secret`)));
  });

  it("what one connection has said is worth nothing on another", async () => {
    const [one, other] = [await client(protocol), await client(protocol)];
    const scram = (it: SaslClient) =>
      new ScramClient({
        hash: "sha256",
        login,
        password: "secret",
        binding: { flag: "p=tls-exporter", data: it.binding("tls-exporter") },
      });
    // Somebody who stands between hands on what the client says on his own connection.
    const relayed = scram(one);
    const first = challengeOf(await other.begin("SCRAM-SHA-256-PLUS", relayed.first()));
    expect(endOf(await other.respond(relayed.final(first)))).toMatch(failed[protocol]);
  });
});
