import { amend, definePlugin, expanded, proceed } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  fixture,
  keptLog,
  type Listed,
  messageOf,
  optionsOf,
  RawClient,
  smtpTestServer,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

async function open(options: object, others: readonly Listed[] = []) {
  const { log, lines } = keptLog();
  const server = await smtpTestServer({ log, plugins: [fixture, ...others, [plugin, optionsOf(plugin, options)]] });
  onTestFinished(() => server.close());
  return { server, lines };
}

async function send(
  options: object,
  { from = "ann@example.net", to = ["user@example.org"], others = [] as readonly Listed[] } = {},
) {
  const { server, lines } = await open(options, others);
  const client = await RawClient.open(server.port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say(`MAIL FROM:<${from}>`);
  for (const one of to) await client.say(`RCPT TO:<${one}>`);
  await client.say("DATA");
  const answer = await client.say("Subject: x\r\n\r\nx\r\n.");
  client.socket.destroy();
  const [message] = server.accepted;
  return {
    answer,
    lines,
    text: message?.text ?? "",
    to: message?.envelope.recipients.map(({ address, notify }) => [address, ...notify].join(" ")),
  };
}

const map = (entries: string) => [`inline:{ ${entries} }`];

describe("a blind copy goes", () => {
  it("of all mail, quietly, and nothing in the message tells", async () => {
    const { to, text } = await send({ always: ["archive@elsewhere.example", "other"] });
    expect(to).toEqual(["user@example.org", "archive@elsewhere.example never", "other@example.org never"]);
    expect(text).not.toMatch(/archive|other@/);
  });

  it.each([
    [
      "of a sender's mail",
      { senderMaps: map("{ann@example.net=b@x.example c@x.example}") },
      ["b@x.example", "c@x.example"],
    ],
    ["of a domain's mail", { senderMaps: map("@example.net=b@x.example") }, ["b@x.example"]],
    ["of a recipient's mail", { recipientMaps: map("user@example.org=b@x.example") }, ["b@x.example"]],
    [
      "once, if several ask for it",
      { always: ["b@x.example"], recipientMaps: map("user=b@x.example") },
      ["b@x.example"],
    ],
    ["to nobody else", { senderMaps: map("x@y=b@x.example"), recipientMaps: map("x@y=b@x.example") }, []],
  ])("%s", async (_, options, copies) => {
    expect((await send(options)).to).toEqual(["user@example.org", ...copies.map((copy) => `${copy} never`)]);
  });

  it("of mail for an alias, by the alias and by its target", async () => {
    const alias = definePlugin({
      name: "alias-test",
      api: 1,
      setup: () => ({
        hooks: {
          expand: ({ address }) =>
            address.localPart === "both" ? expanded([{ address: addressOf("user@example.org") }]) : proceed,
        },
      }),
    });
    const recipientMaps = map("both@example.org=b@x.example, user@example.org=c@x.example");
    expect((await send({ recipientMaps }, { to: ["both@example.org"], others: [alias] })).to).toEqual([
      "user@example.org",
      "b@x.example never",
      "c@x.example never",
    ]);
  });

  it("not twice to who gets the mail anyway", async () => {
    expect((await send({ always: ["user@example.org"] })).to).toEqual(["user@example.org"]);
  });

  it("by the sender that a plugin before it has given", async () => {
    const canonical = definePlugin({
      name: "alias-canonical",
      api: 1,
      setup: () => ({ hooks: { prepare: () => amend({ op: "reversePath", address: addressOf("new@example.net") }) } }),
    });
    const senderMaps = map("new@example.net=b@x.example");
    expect((await send({ senderMaps }, { others: [canonical] })).to).toEqual(["user@example.org", "b@x.example never"]);
  });

  it("of bounces to nobody, and of the null sender's mail only as all mail's", async () => {
    const { server } = await open({ always: ["b@x.example"] });
    const bounce = envelopeOf({ origin: "bounce", session: null, from: null });
    expect((await server.kernel.transform("prepare", bounce, messageOf("S: x\n\nx\n"))).changes).toEqual([]);
    expect((await send({ senderMaps: map("<>=b@x.example") }, { from: "" })).to).toEqual(["user@example.org"]);
  });
});

it("an entry that is no address puts the mail off: no copy is left out in silence", async () => {
  const { answer, lines } = await send({ recipientMaps: map("user@example.org=a@@b") });
  expect(answer).toMatch(/^451 4\.3\.0/);
  expect(lines.some(({ level }) => level === "error")).toBe(true);
});

it("an option that is no address keeps the server from starting", async () => {
  await expect(open({ always: ["a@@b"] })).rejects.toThrow('"a@@b" is no address');
});
