/** Replies for each recipient (LMTP, PRDR): each is owed, whatever one of them says, and together they are one answer. */
import { expect, it, onTestFinished } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { definePlugin } from "../kernel/define.ts";
import { accept, found, proceed, reject } from "../kernel/verdicts.ts";
import { MemoryClient } from "../testing/memory-client.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

/** Everybody at example.org has an account; those called `no...` want no mail. */
const hooks: Hooks = {
  findDomain: ({ domain }) => (domain === "example.org" ? accept("local") : proceed),
  findAccount: (query) =>
    "address" in query && query.address.domain === "example.org"
      ? found({ login: String(query.address), addresses: [query.address], home: "/nowhere", quotaBytes: null })
      : proceed,
  messageFor: (_envelope, _message, { address: { localPart } }) => {
    if (localPart === "noclose") return reject("Go away", { close: true });
    return localPart.startsWith("no") ? reject("Wants none of this") : proceed;
  },
};

async function serverWith(options: SmtpTestOptions): Promise<SmtpTestServer> {
  const plugin = definePlugin({ name: "directory-everybody", api: 1, setup: () => ({ hooks }) });
  const server = await smtpTestServer({ ...options, plugins: [plugin] });
  onTestFinished(() => server.close());
  return server;
}

/** What is said behind the recipients. */
async function session(server: SmtpTestServer, wire: string): Promise<readonly string[]> {
  const client = new MemoryClient(server.serve);
  await client.until(/^220 /);
  client.send(wire);
  client.end();
  const lines = (await client.closed()).trimEnd().split("\r\n");
  return lines.slice(lines.findLastIndex((line) => line.startsWith("250 2.1.5")) + 1);
}

const LMTP = "LHLO x.example\r\nMAIL FROM:<a@example.net>\r\n";
const PRDR = "EHLO x.example\r\nMAIL FROM:<a@example.net> PRDR\r\n";
const to = (names: readonly string[]) => names.map((name) => `RCPT TO:<${name}@example.org>\r\n`).join("");
const CONTENT = "DATA\r\nSubject: x\r\n\r\nbody\r\n.\r\nNOOP\r\nQUIT\r\n";
const refusing = Array.from({ length: 30 }, (_, n) => `no${n}`);
const classes = (lines: readonly string[]) => lines.map((line) => line.slice(0, 3)).join(" ");

it("many refusals do not cut off who takes the message", async () => {
  const server = await serverWith({ role: "lmtp", config: { limits: { errors: 10 } } });
  const said = await session(server, LMTP + to([...refusing, "ann"]) + CONTENT);
  expect(classes(said)).toBe(`354 ${"554 ".repeat(30)}250 250 221`);
  expect(server.accepted).toHaveLength(1);
});

it("each recipient hears of content that nobody can have", async () => {
  const server = await serverWith({ role: "lmtp", config: { limits: { errors: 10 } } });
  const said = await session(server, LMTP + to(refusing) + CONTENT.replace("body", "\0"));
  expect(classes(said)).toBe(`354 ${"550 ".repeat(30)}250 221`);
});

it.each([
  ["LMTP", "lmtp", LMTP, "354 554 250"],
  ["PRDR", "mx", PRDR, "354 353 554 250 250"],
] as const)("a refusal that closes comes with the other replies: %s", async (_, role, opening, expected) => {
  const server = await serverWith({ role });
  expect(classes(await session(server, opening + to(["noclose", "ann"]) + CONTENT))).toBe(expected);
  expect(server.accepted).toHaveLength(1);
});

it("a client whose messages are refused again and again has made one mistake each time", async () => {
  const server = await serverWith({ role: "lmtp", config: { limits: { errors: 3 } } });
  const again = `MAIL FROM:<a@example.net>\r\n${to(["no1", "no2"])}DATA\r\nbody\r\n.\r\n`;
  const client = new MemoryClient(server.serve);
  await client.until(/^220 /);
  client.send(`LHLO x.example\r\n${again.repeat(3)}NOOP\r\n`);
  const said = await client.closed();
  expect(said.match(/^554 /gm)).toHaveLength(6);
  expect(said).toMatch(/\r\n421 4\.7\.0 Too many errors\r\n$/);
});
