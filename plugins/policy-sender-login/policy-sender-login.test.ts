import { defer, definePlugin, proceed } from "postern/plugin";
import { fixture, optionsOf, RawClient, type SmtpTestServer, smtpTestServer } from "postern/testing";
import { afterEach, describe, expect, it } from "vitest";
import { fromAddresses } from "./from-field.ts";
import plugin from "./index.ts";

let server: SmtpTestServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

interface How {
  readonly from: string;
  readonly isLoggedIn?: boolean;
  readonly field?: string;
  readonly others?: Parameters<typeof smtpTestServer>[0];
}

async function send(options: object, { from, isLoggedIn = true, field, others }: How): Promise<string> {
  await server?.close();
  server = await smtpTestServer({ plugins: [fixture, [plugin, optionsOf(plugin, options)]], ...others });
  const client = await RawClient.open(server.port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO x.example");
  if (isLoggedIn) await client.say(`AUTH PLAIN ${Buffer.from("\0user@example.org\0secret").toString("base64")}`);
  await client.say(`MAIL FROM:<${from}>`);
  let reply = await client.say("RCPT TO:<other@example.org>");
  if (reply.startsWith("250") && field !== undefined) {
    await client.say("DATA");
    reply = await client.say(`${field}\r\nSubject: x\r\n\r\nbody\r\n.`);
  }
  client.socket.destroy();
  return reply;
}

const maps = [
  "inline:{ {shared@example.org=other@example.org, USER@example.org} {info@example.org=other@example.org} {@list.example=user@example.org} }",
];
const notOwned = /^553 5\.7\.1 <.*>: Sender address rejected: not owned by user user@example\.org/;
const notLoggedIn = /^553 5\.7\.1 <.*>: Sender address rejected: not logged in/;

describe("who has logged in", () => {
  it.each([
    ["its own address", {}, "user@example.org", /^250/],
    ["its own address, in another case and with an extension", {}, "User+shop@example.org", /^250/],
    ["its own address where that is switched off", { ownAddresses: false }, "user@example.org", notOwned],
    ["a stranger's address", {}, "ann@example.net", notOwned],
    ["another account's address", {}, "other@example.org", notOwned],
    ["an address that a table grants", { maps }, "shared@example.org", /^250/],
    ["the same with an extension", { maps }, "shared+x@example.org", /^250/],
    ["a domain that a table grants", { maps }, "any@list.example", /^250/],
    ["an address that a table grants to somebody else", { maps }, "info@example.org", notOwned],
    ["the null sender", { maps }, "", /^250/],
    ["an unknown sender in mode known", { maps, mode: "known" }, "ann@example.net", /^250/],
    ["somebody else's sender in mode known", { maps, mode: "known" }, "info@example.org", notOwned],
    ["anything in mode unauthenticated", { maps, mode: "unauthenticated" }, "info@example.org", /^250/],
    ["anything for a login that may", { maps, exemptLogins: ["User@example.org"] }, "info@example.org", /^250/],
  ])("%s", async (_, options, from, expected) => {
    expect(await send(options, { from })).toMatch(expected);
  });
});

describe("who has not", () => {
  it.each([
    ["an address that a table names", { maps }, "shared@example.org", notLoggedIn],
    ["the same in mode known", { maps, mode: "known" }, "shared@example.org", notLoggedIn],
    ["the same in mode unauthenticated", { maps, mode: "unauthenticated" }, "shared@example.org", notLoggedIn],
    ["the same in mode authenticated", { maps, mode: "authenticated" }, "shared@example.org", /^250/],
    ["an address that no table names", { maps }, "user@example.org", /^250/],
    ["a client of a trusted network", { maps, exemptNetworks: ["127.0.0.0/8"] }, "shared@example.org", /^250/],
  ])("%s", async (_, options, from, expected) => {
    expect(await send(options, { from, isLoggedIn: false })).toMatch(expected);
  });
});

describe("the From field", () => {
  const options = { maps, checkFrom: true };
  it.each([
    ["its own", "From: User <user+x@example.org>", /^250/],
    ["granted ones", "From: shared@example.org, User <user@example.org>\r\nSender: user@example.org", /^250/],
    [
      "one among several that is not",
      "From: user@example.org, boss@example.org",
      /^553 5\.7\.1 <boss@example\.org>: From address rejected/,
    ],
    ["a second field", "From: user@example.org\r\nFrom: boss@example.org", /^553/],
    ["one without a domain", "From: user", /^250/],
    ["one without a domain that is somebody else's", "From: other", /^553/],
    ["one that cannot be read", "From: <@>", /^553 5\.7\.1 From address rejected: it cannot be read/],
    ["none", "To: other@example.org", /^250/],
  ])("%s", async (_, field, expected) => {
    expect(await send(options, { from: "user@example.org", field })).toMatch(expected);
  });

  it("is not looked at unless asked for, nor without a login", async () => {
    const field = "From: boss@example.org";
    expect(await send({ maps }, { from: "user@example.org", field })).toMatch(/^250/);
    expect(await send(options, { from: "ann@example.net", field, isLoggedIn: false })).toMatch(/^250/);
  });

  it("is read with quotes, groups and comments", () => {
    const read = (...values: string[]) => fromAddresses({ all: () => values }, "example.org")?.map(String) ?? null;
    expect(read('"a, b" <"j s"@example.net>, G: c@example.net, d@example.net;')).toEqual([
      '"j s"@example.net',
      "c@example.net",
      "d@example.net",
    ]);
    expect(read("undisclosed:;")).toEqual([]);
    expect(read("a@b@c")).not.toEqual(["a@b"]);
    expect(read()).toEqual([]);
  });
});

it("a table or a directory that cannot answer puts the mail off", async () => {
  expect(await send({ maps: ["fail:x"] }, { from: "user@example.org" })).toMatch(/^451 4\.3\.0/);
  const away = definePlugin({
    name: "directory-away",
    api: 1,
    setup: () => ({ hooks: { findAccount: (query) => ("login" in query ? defer("away") : proceed) } }),
  });
  const others = { plugins: [away, fixture, [plugin, optionsOf(plugin)] as const] };
  expect(await send({}, { from: "ann@example.net", others })).toMatch(/^45\d 4\./);
});
