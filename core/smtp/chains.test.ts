/** What docs/architecture.md, section 3, says of answers, over SMTP and LMTP: each sentence has a test. */

import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin } from "../kernel/define.ts";
import { allow, amend, defer, discard, expanded, proceed, quarantine, reject } from "../kernel/verdicts.ts";
import { parseAddress } from "../mail/address.ts";
import { keptLog, type Listed } from "../testing/kernel.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

let count = 0;
const plugin = (hooks: Hooks): Listed => {
  count += 1;
  return definePlugin({ name: `policy-test-${count}`, api: 1, setup: () => ({ hooks }) });
};

async function serverWith(...plugins: readonly Listed[]): Promise<SmtpTestServer> {
  return started({ plugins });
}

async function started(options: SmtpTestOptions): Promise<SmtpTestServer> {
  const server = await smtpTestServer({ ...options, plugins: [...(options.plugins ?? []), fixture] });
  onTestFinished(() => server.close());
  return server;
}

async function greeted(server: SmtpTestServer, hello = "EHLO"): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  await client.until(/220 .*\r\n/);
  await client.say(`${hello} client.example.net`);
  return client;
}

/** The replies behind the content. */
async function send(client: RawClient, to: readonly string[], replies = 1, mail = ""): Promise<readonly string[]> {
  expect(await client.say(`MAIL FROM:<a@example.net>${mail}`)).toMatch(/^250/);
  for (const one of to) await client.say(`RCPT TO:<${one}@example.org>`);
  expect(await client.say("DATA")).toMatch(/^354/);
  client.send("Subject: x\r\n\r\nbody\r\n.\r\n");
  const said: string[] = [];
  for (let n = 0; n < replies; n += 1)
    said.push((await client.until(/^\d{3} .*\r\n/m)).trimEnd().replace(/queued as .*/, "queued"));
  return said;
}

const queued = "250 2.0.0 Ok: queued";
const LOGIN = "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAc2VjcmV0";

describe("a policy chain", () => {
  it("is asked in order until one refuses", async () => {
    const asked: string[] = [];
    const one = (name: string, answer: typeof proceed | ReturnType<typeof reject>) =>
      plugin({
        rcptTo() {
          asked.push(name);
          return answer;
        },
      });
    const client = await greeted(await serverWith(one("a", proceed), one("b", reject("B")), one("c", reject("C"))));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("550 5.7.1 B");
    expect(asked).toEqual(["a", "b"]);
  });

  it("ends at `allow` without objection, in this chain only", async () => {
    const friend = plugin({ rcptTo: () => allow("friend"), mailFrom: () => allow("friend") });
    const foe = plugin({ rcptTo: () => reject("R"), mailFrom: () => reject("M"), message: () => reject("content") });
    const client = await greeted(await serverWith(friend, foe));
    expect(await send(client, ["user"])).toEqual(["554 5.7.1 content"]);
  });

  it("`allow` grants no relay", async () => {
    const friend = plugin({ connect: () => allow("x"), mailFrom: () => allow("x"), rcptTo: () => allow("x") });
    const client = await greeted(await serverWith(friend));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.com>")).toBe("550 5.7.1 Relay access denied");
  });

  it("goes on behind `amend`, and its changes count although a later plugin says `allow`", async () => {
    const stamp = plugin({ message: () => amend({ op: "prepend", header: "X-Seen", value: "yes" }) });
    const server = await serverWith(
      stamp,
      plugin({ message: () => allow("fine") }),
      plugin({ message: () => reject("no") }),
    );
    expect(await send(await greeted(server), ["user"])).toEqual([queued]);
    expect(server.accepted[0]?.text).toContain("X-Seen: yes\r\n");
  });
});

describe("refusals that wait", () => {
  it("are given to each recipient, in the order of the hooks, and the first stands", async () => {
    const server = await serverWith(
      plugin({ connect: () => reject("first"), mailFrom: () => defer("third"), helo: () => reject("second") }),
    );
    const client = await greeted(server);
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("554 5.7.1 first");
    expect(await client.say("RCPT TO:<other@example.org>")).toBe("554 5.7.1 first");
    expect(await client.say("DATA")).toBe("554 5.5.1 No valid recipients");
  });

  it("lapse with AUTH where the plugin says so, the others stay", async () => {
    const lapses = plugin({
      connect: () => reject("dynamic", { unlessAuthenticated: true }),
      helo: () => reject("name"),
    });
    const client = await greeted(await serverWith(lapses));
    await client.say(LOGIN);
    await client.say("MAIL FROM:<user@example.org>");
    expect(await client.say("RCPT TO:<user@example.org>")).toBe("550 5.7.1 name");
  });

  it.each<[string, Hooks, string]>([
    ["MAIL", { mailFrom: () => reject("now", { close: true }) }, "550 5.7.1 now"],
    ["MAIL", { mailFrom: () => defer("now", { close: true }) }, "421 4.7.1 now"],
    ["RCPT", { rcptTo: () => reject("now", { close: true }) }, "550 5.7.1 now"],
    ["DATA", { data: () => defer("now", { close: true }) }, "421 4.7.1 now"],
    ["the dot", { message: () => reject("now", { close: true }) }, "554 5.7.1 now"],
  ])("`close` answers at %s at once, and the connection ends", async (_, hooks, expected) => {
    const client = await greeted(await serverWith(plugin(hooks)));
    client.send("MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n");
    const all = await client.closed();
    expect(all.trimEnd().split("\r\n").at(-1)).toBe(expected);
  });
});

describe("postmaster", () => {
  it("is exempt from destination, delayed and rcptTo refusals", async () => {
    const strict = plugin({
      connect: () => reject("c"),
      helo: () => reject("h"),
      mailFrom: () => reject("m"),
      destination: () => reject("d"),
      rcptTo: () => reject("r"),
    });
    const client = await greeted(await serverWith(strict));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<postmaster>")).toBe("250 2.1.5 Ok");
    expect(await client.say("RCPT TO:<postmaster@example.org>")).toBe("250 2.1.5 Ok");
  });

  it.each<[string, Hooks, string]>([
    ["rate at rcptTo", { rcptTo: () => defer("slow", { code: 452, detail: "5.3" }) }, "452 4.5.3 slow"],
    ["rate at connect", { connect: () => defer("slow", { detail: "7.28" }) }, "450 4.7.28 slow"],
    ["TLS at mailFrom", { mailFrom: () => reject("TLS first", { code: 530, detail: "7.0" }) }, "530 5.7.0 TLS first"],
  ])("but not from %s", async (_, hooks, expected) => {
    const client = await greeted(await serverWith(plugin(hooks)));
    await client.say("MAIL FROM:<a@example.net>");
    expect(await client.say("RCPT TO:<postmaster>")).toBe(expected);
  });
});

describe("the whole content", () => {
  it.each<[string, Hooks[], string, number]>([
    ["discard before reject", [{ message: () => discard("x") }, { message: () => reject("no") }], "554 5.7.1 no", 0],
    [
      "quarantine before defer",
      [{ message: () => quarantine("x") }, { message: () => defer("later") }],
      "451 4.7.1 later",
      0,
    ],
    ["discard before quarantine", [{ message: () => discard("x") }, { message: () => quarantine("y") }], queued, 1],
    ["discard alone", [{ message: () => discard("x") }, { message: () => proceed }], queued, 0],
  ])("the gravest answer wins: %s", async (_, hooks, expected, kept) => {
    const server = await serverWith(...hooks.map(plugin));
    expect(await send(await greeted(server), ["user"])).toEqual([expected]);
    expect(server.accepted).toHaveLength(kept);
    for (const { envelope } of server.accepted) expect(envelope.hold).toBe("y");
  });
});

describe("what each recipient's chain says", () => {
  const each: Hooks["messageFor"] = (_envelope, _message, { address }) => {
    if (address.localPart === "user") return reject("user says no");
    if (address.localPart === "two words") return defer("not now");
    if (address.localPart === "postmaster") return discard("unread");
    return proceed;
  };

  it("refuses over plain SMTP when all refuse", async () => {
    const server = await serverWith(plugin({ messageFor: each }));
    expect(await send(await greeted(server), ["user", "picky"])).toEqual(["554 5.7.1 user says no"]);
    expect(server.accepted).toHaveLength(0);
  });

  it("is quarantined for those who refuse where somebody takes it, and never bounced", async () => {
    const server = await serverWith(plugin({ messageFor: each }));
    expect(await send(await greeted(server), ["user", "other"])).toEqual([queued]);
    const held = server.accepted.map(({ envelope }) => [
      envelope.recipients.map(({ address }) => address),
      envelope.hold,
    ]);
    expect(held).toEqual([
      [["other@example.org"], null],
      [["user@example.org"], "user says no"],
    ]);
  });

  it("puts all off over plain SMTP where one cannot tell now", async () => {
    const server = await serverWith(plugin({ messageFor: each }));
    expect(await send(await greeted(server), ["other", '"two words"'])).toEqual(["451 4.7.1 not now"]);
    expect(server.accepted).toHaveLength(0);
  });

  const mixed = ["other", "user", '"two words"', "postmaster"];
  const answers = [queued, "554 5.7.1 user says no", "451 4.7.1 not now", queued];

  it("is told each recipient by LMTP, in order", async () => {
    const server = await started({ role: "lmtp", plugins: [plugin({ messageFor: each })] });
    expect(await send(await greeted(server, "LHLO"), mixed, 4)).toEqual(answers);
    expect(server.accepted.map(({ envelope }) => envelope.recipients.map(({ address }) => address))).toEqual([
      ["other@example.org"],
    ]);
  });

  it("is told each recipient by PRDR, in order, between 353 and one reply for all", async () => {
    const server = await serverWith(plugin({ messageFor: each }));
    const client = await greeted(server);
    expect(await send(client, mixed, 6, " PRDR")).toEqual([
      "353 A reply for each recipient follows",
      ...answers,
      queued,
    ]);
    expect(server.accepted.map(({ envelope }) => envelope.recipients.map(({ address }) => address))).toEqual([
      ["other@example.org"],
    ]);
    expect(await client.say("NOOP")).toBe("250 2.0.0 Ok");
  });

  it("ends with a temporary reply by PRDR where nobody took it and coming again may help", async () => {
    const client = await greeted(await serverWith(plugin({ messageFor: each })));
    expect(await send(client, ["user", '"two words"'], 4, " PRDR")).toEqual([
      "353 A reply for each recipient follows",
      "554 5.7.1 user says no",
      "451 4.7.1 not now",
      "451 4.7.1 not now",
    ]);
  });

  it("is one answer for an alias: refused by one of its targets, it is set aside there", async () => {
    const targets = ["user@example.org", "other@example.org"].flatMap((text) => parseAddress(text) ?? []);
    const list = plugin({
      expand: ({ address }) =>
        address.localPart === "list" ? expanded(targets.map((address) => ({ address }))) : proceed,
      messageFor: each,
    });
    const server = await started({ role: "lmtp", plugins: [list] });
    expect(await send(await greeted(server, "LHLO"), ["list"])).toEqual([queued]);
    expect(server.accepted.map(({ envelope }) => envelope.hold)).toEqual([null, "user says no"]);
  });
});

it("serves LMTP on a unix socket, to whoever may open it", async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-lmtp-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "lmtp.sock");
  const { log, lines } = keptLog();
  const server = await started({ role: "lmtp", listener: { place: { at: "path", path, mode: 0o600 } }, log });
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  socket.write("LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<user@example.org>\r\nRCPT TO:<picky@example.org>\r\nDATA\r\n");
  await expect.poll(() => said, { timeout: 10_000 }).toMatch(/^354 /m);
  socket.write("hello\r\n.\r\nQUIT\r\n");
  await expect.poll(() => said, { timeout: 10_000 }).toMatch(/^221 /m);
  expect(said).toMatch(/\r\n250 2\.0\.0 Ok: queued as \S+\r\n554 5\.7\.1 Picky wants none of this\r\n221 /);
  expect(server.accepted[0]?.envelope.session?.remote.address).toBe("unix");
  expect(server.accepted[0]?.text).toContain(" with LMTP id ");
  expect(lines.filter(({ level }) => level === "error")).toEqual([]);
});
