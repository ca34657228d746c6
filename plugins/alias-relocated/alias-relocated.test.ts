import { fixture, optionsOf, RawClient, smtpTestServer } from "postern/testing";
import { expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

async function ask(to: string, options: object): Promise<string> {
  const server = await smtpTestServer({ plugins: [[plugin, optionsOf(plugin, options)], fixture] });
  onTestFinished(() => server.close());
  const client = await RawClient.open(server.port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<ann@example.net>");
  const reply = await client.say(`RCPT TO:<${to}>`);
  client.socket.destroy();
  return reply;
}

const maps = [
  "inline:{ ben@example.org=ben@elsewhere.example, {user@example.org=Room 5, 1st floor}, @gone.example=nowhere }",
];

it.each([
  ["ben@example.org", {}, /^550 5\.1\.6 .*User has moved to ben@elsewhere\.example/],
  ["BEN+x@example.org", {}, /^550 5\.1\.6 .*User has moved to ben@elsewhere\.example/],
  ["user@example.org", {}, /^550 5\.1\.6 .*User has moved to Room 5, 1st floor/],
  ["anybody@gone.example", {}, /^550 5\.1\.6 .*User has moved to nowhere/],
  [
    "ben@example.org",
    { code: 551, text: "User not local; please try <{moved}>" },
    /^551 5\.1\.6 .*try <ben@elsewhere\.example>/,
  ],
  ["ben@example.org", { text: "{address} is not here" }, /^550 5\.1\.6 .*ben@example\.org is not here/],
  ["other@example.org", {}, /^250/],
  ["x@elsewhere.example", {}, /^550 5\.7\.1/],
])("%s, %j: %s", async (to, options, expected) => {
  expect(await ask(to, { maps, ...options })).toMatch(expected);
});

it("the postmaster stays", async () => {
  expect(await ask("postmaster@example.org", { maps: ["inline:{ @example.org=elsewhere }"] })).not.toMatch(/^550/);
});
