import { type Address, definePlugin, expanded, proceed, type Table } from "postern/plugin";
import {
  addressOf,
  envelopeOf,
  fixture,
  keptLog,
  messageOf,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  sessionOf,
  smtpTestServer,
  tablesOf,
} from "postern/testing";
import { afterEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";
import { createMapping } from "./mapping.ts";

let server: SmtpTestServer | null = null;
const { log, lines } = keptLog();
afterEach(async () => {
  await server?.close();
  server = null;
});

async function open(options: object, others: readonly Parameters<typeof optionsOf>[0][] = []): Promise<SmtpTestServer> {
  server = await smtpTestServer({ log, plugins: [[plugin, optionsOf(plugin, options)], ...others, fixture] });
  return server;
}

async function send(options: object, to: readonly string[], header: readonly string[] = [], from = "ann@example.net") {
  const { port, accepted } = await open(options);
  const client = await RawClient.open(port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say(`MAIL FROM:<${from}>`);
  const replies: string[] = [];
  for (const one of to) replies.push(await client.say(`RCPT TO:<${one}>`));
  const answer = (await client.say("DATA")).startsWith("354")
    ? await client.say(`${[...header, "Subject: ann@example.net"].join("\r\n")}\r\n\r\nann@example.net\r\n.`)
    : "";
  client.socket.destroy();
  const [message] = accepted;
  return {
    replies,
    answer,
    from: message?.envelope.reversePath,
    to: message?.envelope.recipients.map(({ address }) => address),
    header:
      message?.text
        .split("\r\n\r\n")[0]
        ?.split("\r\n")
        .filter((line) => !/^(Received|\t)/.test(line)) ?? [],
  };
}

const map = (entries: string) => [`inline:{ ${entries} }`];

describe("a mapping", () => {
  const mapped = async (raw: string, stages: readonly Record<string, string>[], propagates = true) => {
    const tables = stages.map((entries): Table[] => [{ get: (key) => entries[key] ?? null }]);
    const mapping = createMapping(tables, { tables: tablesOf(), origin: "example.org", propagates });
    const found: Address | null = await mapping(addressOf(raw));
    return found && String(found);
  };

  it.each<[string, string, Record<string, string>[], string | null]>([
    ["the whole address", "ann@example.net", [{ "ann@example.net": "a.smith@example.com" }], "a.smith@example.com"],
    ["a bare name, of the origin", "ann@example.org", [{ ann: "a.smith" }], "a.smith@example.org"],
    ["a domain for a domain", "ann@example.net", [{ "@example.net": "@example.com" }], "ann@example.com"],
    ["a domain for one address", "ann@example.net", [{ "@example.net": "all@example.com" }], "all@example.com"],
    ["its extension goes along", "ann+x@example.net", [{ "ann@example.net": "b@example.com" }], "b+x@example.com"],
    ["from name to name", "a@example.net", [{ "a@example.net": "b@example.net", "b@example.net": "c@x" }], "c@x"],
    ["not for ever", "a@x", [{ "a@x": "b@x", "b@x": "a@x" }], null],
    ["one table's answer in the next", "a@x", [{ "a@x": "b@x" }, { "b@x": "c@x" }], "c@x"],
    ["in another case", "a@x", [{ "a@x": "A@x", "A@x": "a@x" }], "A@x"],
    ["nothing", "a@x", [{}], null],
    ["a quoted name", '"a b"@x', [{ '"a b"@x': '"c d"@y' }], '"c d"@y'],
  ])("%s", async (_, raw, stages, expected) => expect(await mapped(raw, stages)).toBe(expected));

  it("leaves extensions off where they are not wanted", async () =>
    expect(await mapped("ann+x@x", [{ "ann@x": "b@y" }], false)).toBe("b@y"));

  it.each([{ "a@x": "b@@y" }, { "a@x": "@y" }, { "a@x": "" }])("%j is a mistake", async (entries) => {
    await expect(mapped("a@x", [entries as Record<string, string>])).rejects.toThrow("is no address");
  });
});

describe("envelope and header", () => {
  it("show the canonical name, and nothing else changes", async () => {
    const maps = map("ann@example.net=Ann.Smith@example.net, usr@example.org=user");
    const header = [
      'From: "ann@example.net" <ann@Example.net> (ann)',
      "To: x@y,",
      " usr@example.org",
      "X: ann@example.net",
    ];
    expect(await send({ maps, headersOf: "all" }, ["usr@example.org"], header)).toMatchObject({
      from: "Ann.Smith@example.net",
      to: ["user@example.org"],
      header: [
        'From: "ann@example.net" <Ann.Smith@example.net> (ann)',
        "To: x@y,",
        " user@example.org",
        "X: ann@example.net",
        "Subject: ann@example.net",
      ],
    });
  });

  it("of foreign mail keep their header by default: signatures hold", async () => {
    const sent = await send(
      { maps: map("ann@example.net=b@example.net") },
      ["user@example.org"],
      ["From: ann@example.net"],
    );
    expect(sent).toMatchObject({
      from: "b@example.net",
      header: ["From: ann@example.net", "Subject: ann@example.net"],
    });
  });

  it("are of senders or of recipients, as the maps say", async () => {
    const header = ["From: user@example.org", "To: user@example.org"];
    const senders = { senderMaps: map("user@example.org=s@example.org"), headersOf: "all" };
    expect(await send(senders, ["user@example.org"], header, "user@example.org")).toMatchObject({
      from: "s@example.org",
      to: ["user@example.org"],
      header: ["From: s@example.org", "To: user@example.org", "Subject: ann@example.net"],
    });
    await server?.close();
    const recipients = { recipientMaps: map("user@example.org=other@example.org"), headersOf: "all" };
    expect(await send(recipients, ["user@example.org"], header, "user@example.org")).toMatchObject({
      from: "user@example.org",
      to: ["other@example.org"],
      header: ["From: user@example.org", "To: other@example.org", "Subject: ann@example.net"],
    });
  });

  it("are of the classes that are named", async () => {
    const options = { maps: map("ann@example.net=b@example.net"), headersOf: "all", classes: ["headerSender"] };
    expect(await send(options, ["user@example.org"], ["From: ann@example.net", "To: ann@example.net"])).toMatchObject({
      from: "ann@example.net",
      header: ["From: b@example.net", "To: ann@example.net", "Subject: ann@example.net"],
    });
  });

  it("have no name for the null sender", async () => {
    const sent = await send({ maps: map("<>=b@example.net") }, ["user@example.org"], [], "");
    expect(sent.from).toBeNull();
  });
});

describe("recipients", () => {
  it("are judged under their new name", async () => {
    const maps = map("old@example.org=gone@example.org, user@example.org=user@example.org");
    expect((await send({ maps }, ["old@example.org", "user@example.org"])).replies).toEqual([
      expect.stringMatching(/^550 5\.1\.1/),
      expect.stringMatching(/^250/),
    ]);
  });

  it("that are strangers get no relay by another name", async () => {
    const maps = map("@foreign.example=@elsewhere.example, user@example.org=u@elsewhere.example");
    expect((await send({ maps }, ["x@foreign.example", "user@example.org"])).replies).toEqual([
      expect.stringMatching(/^550 5\.7\.1/),
      expect.stringMatching(/^250/),
    ]);
  });

  it("that aliases lead to have no canonical name", async () => {
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
    const { port, accepted } = await open({ maps: map("user@example.org=other@example.org") }, [alias]);
    const client = await RawClient.open(port);
    await client.until(/^220 .*\r\n/m);
    for (const line of ["EHLO x", "MAIL FROM:<a@x>", "RCPT TO:<both@example.org>", "DATA", "S: x\r\n\r\n."])
      await client.say(line);
    client.socket.destroy();
    expect(accepted[0]?.envelope.recipients.map(({ address }) => address)).toEqual(["user@example.org"]);
  });

  it("wait where the entry is no address, and the log says so", async () => {
    expect((await send({ maps: map("user@example.org=a@@b") }, ["user@example.org"])).replies).toEqual([
      expect.stringMatching(/^450 4\.3\.5/),
    ]);
    expect(lines.map(({ text }) => text)).toContain("canonical entry is no address");
  });
});

it("a sender whose entry is no address waits", async () => {
  const sent = await send({ senderMaps: map("ann@example.net=a@@b") }, ["user@example.org"]);
  expect(sent.answer).toMatch(/^451 4\.3\.0/);
});

it("own users' header is rewritten wherever they come from", async () => {
  const { kernel } = await open({ maps: map("ann@example.org=b@example.org") });
  const message = messageOf("From: ann@example.org\n\nx\n");
  for (const session of [
    sessionOf({ identity: { login: "ann" } }),
    sessionOf({ listener: { name: "s", role: "submission" } }),
  ]) {
    const { message: after, fault } = await kernel.transform("prepare", envelopeOf({ session }), message);
    expect(fault).toBeNull();
    expect(after.headers.get("From")).toBe("b@example.org");
  }
  const { message: same } = await kernel.transform("prepare", envelopeOf(), message);
  expect(same.headers.get("From")).toBe("ann@example.org");
});
