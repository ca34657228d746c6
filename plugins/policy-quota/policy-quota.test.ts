import {
  definePlugin,
  found,
  MailboxStore,
  proceed,
  type QuotaState,
  type MailboxStore as Store,
} from "postern/plugin";
import { optionsOf, RawClient, type SmtpTestServer, smtpTestServer } from "postern/testing";
import { afterEach, expect, it } from "vitest";
import plugin from "./index.ts";

const stateOf = (bytes: number, messages = 1): QuotaState => ({
  usage: { bytes, messages },
  hard: { bytes: 1000, messages: 10 },
  soft: { bytes: 900, messages: null },
  isOverSoft: bytes > 900,
  isFull: bytes >= 1000 || messages >= 10,
});

const accounts = new Map<string, QuotaState | null | Error>([
  ["full", stateOf(1000)],
  ["many", stateOf(1, 10)],
  ["roomy", stateOf(600)],
  ["free", null],
  ["broken", new Error("no disk")],
]);

const store = definePlugin({
  name: "store-fixture",
  api: 1,
  provides: { store: MailboxStore },
  setup: () => ({
    provides: {
      store: {
        async of({ login }) {
          const quota = async () => {
            const state = accounts.get(login);
            if (state instanceof Error) throw state;
            return state ?? null;
          };
          return { quota } as Awaited<ReturnType<Store["of"]>>;
        },
      },
    },
    hooks: {
      findAccount(query) {
        const name = "address" in query && query.address.domain === "example.org" ? query.address.localPart : "";
        if (!("address" in query) || !accounts.has(name)) return proceed;
        return found({ login: name, addresses: [query.address], home: "/nowhere", quotaBytes: null });
      },
    },
  }),
});

const servers: SmtpTestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function talk(role: "mx" | "lmtp", options: object = {}): Promise<RawClient> {
  const server = await smtpTestServer({ role, plugins: [store, [plugin, optionsOf(plugin, options)]] });
  servers.push(server);
  const client = await RawClient.open(server.port);
  await client.until(/^220 .*\r\n/m);
  await client.say(role === "lmtp" ? "LHLO client.example" : "EHLO client.example");
  return client;
}

const answer = async (client: RawClient, name: string, size = ""): Promise<string> => {
  await client.say("RSET");
  await client.say(`MAIL FROM:<ann@example.net>${size}`);
  return client.say(`RCPT TO:<${name}@example.org>`);
};

it.each(["mx", "lmtp"] as const)("refuses at RCPT what is full, by %s", async (role) => {
  const client = await talk(role);
  expect(await answer(client, "full")).toBe("452 4.2.2 <full@example.org>: The mailbox is full");
  expect(await answer(client, "many")).toMatch(/^452 4\.2\.2 /);
  expect(await answer(client, "roomy")).toMatch(/^250 /);
  expect(await answer(client, "free")).toMatch(/^250 /);
  expect(await answer(client, "broken")).toMatch(/^451 4\.3\.0 /);
  expect(await answer(client, "roomy", " SIZE=500")).toMatch(/^552 5\.2\.2 <roomy@example.org>: The message does not/);
  expect(await answer(client, "roomy", " SIZE=400")).toMatch(/^250 /);
  client.socket.destroy();
});

it("says what the administrator wants said, for good or for now, or nothing", async () => {
  const client = await talk("mx", { full: "reject", tooLarge: "off", texts: { full: "No room for {recipient}" } });
  expect(await answer(client, "full")).toBe("552 5.2.2 No room for full@example.org");
  expect(await answer(client, "roomy", " SIZE=5000")).toMatch(/^250 /);
  const other = await talk("mx", { exempt: { networks: ["127.0.0.0/8"] } });
  expect(await answer(other, "full")).toMatch(/^250 /);
  for (const one of [client, other]) one.socket.destroy();
});

it("answers LMTP for each recipient behind the content, when the message turns out too large", async () => {
  const client = await talk("lmtp");
  await client.say("MAIL FROM:<ann@example.net>");
  for (const name of ["roomy", "free"]) expect(await client.say(`RCPT TO:<${name}@example.org>`)).toMatch(/^250 /);
  await client.say("DATA");
  client.send(`Subject: x\r\n\r\n${"x".repeat(70)}\r\n${`${"y".repeat(70)}\r\n`.repeat(8)}.\r\n`);
  expect(await client.until(/^\d{3} .*\r\n/m)).toMatch(/^552 5\.2\.2 <roomy@example.org>/);
  expect(await client.until(/^\d{3} .*\r\n/m)).toMatch(/^250 /);
  client.socket.destroy();
});

it("refuses a message for one recipient that did not say how large it is", async () => {
  const client = await talk("mx");
  expect(await answer(client, "roomy")).toMatch(/^250 /);
  await client.say("DATA");
  client.send(`Subject: x\r\n\r\n${`${"y".repeat(70)}\r\n`.repeat(9)}.\r\n`);
  expect(await client.until(/^\d{3} .*\r\n/m)).toMatch(/^552 5\.2\.2 /);
  client.socket.destroy();
});
