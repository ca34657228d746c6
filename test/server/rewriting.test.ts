/**
 * Rewriting and filtering from end to end, in one process: mail comes in, gets its canonical names and a blind copy, goes to a
 * content filter behind the queue, is handed back on `reinject`, and leaves, once and rewritten once.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { RawClient } from "../../core/testing/raw-client.ts";
import { startScriptedServer } from "../../core/testing/scripted-smtp-server.ts";
import { startInProcess } from "./in-process.ts";

async function send(port: number, from: string, to: readonly string[], content: string): Promise<string> {
  const client = await RawClient.open(port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say(`MAIL FROM:<${from}>`);
  for (const one of to) expect(await client.say(`RCPT TO:<${one}>`)).toMatch(/^250/);
  await client.say("DATA");
  const answer = await client.say(`${content}\r\n.`);
  client.socket.destroy();
  return answer;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 180_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${isSo}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

it("mail is rewritten, copied, filtered once and delivered", async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-rewriting-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const filter = await startScriptedServer({});
  onTestFinished(() => filter.close());
  const world = await startScriptedServer({});
  onTestFinished(() => world.close());
  const { server, ports, lines } = await startInProcess(
    directory,
    `listeners:
  - { role: mx, host: 127.0.0.1, port: 0, tls: none }
  - { role: reinject, host: 127.0.0.1, port: 0, tls: none }
plugins:
  - policy-relay: { networks: [127.0.0.0/8] }
  - alias-canonical: { maps: ["inline:{ ann@old.example=Ann.Smith@new.example }"], headersOf: all }
  - alias-masquerade: { domains: [new.example], headersOf: all }
  - alias-bcc: { senderMaps: ["inline:{ Ann.Smith@new.example=archive@elsewhere.example }"] }
  - alias-relocated: { maps: ["inline:{ gone@elsewhere.example=here@elsewhere.example }"] }
  - route-filter: { filter: "smtp:[127.0.0.1]:${filter.port}" }
  - deliver-smtp: { smarthost: "[127.0.0.1]:${world.port}" }
`,
  );
  onTestFinished(() => server.close());
  const [mx = 0, reinject = 0] = ports;

  const content = 'From: "ann@old.example" <ann@old.example> (hi)\r\nTo: bob@host.new.example\r\n\r\nhello';
  expect(await send(mx, "ann@old.example", ["bob@elsewhere.example"], content)).toMatch(/^250/);
  await until(() => filter.contents.length === 1);
  expect(filter.contents[0]).toContain(
    'From: "ann@old.example" <Ann.Smith@new.example> (hi)\r\nTo: bob@new.example\r\n',
  );
  const named = (verb: string, heard: readonly string[]) => heard.filter((line) => line.startsWith(verb));
  expect(named("MAIL", filter.heard)).toEqual([expect.stringContaining("<Ann.Smith@new.example>")]);
  expect(named("RCPT", filter.heard)).toEqual([
    expect.stringContaining("<bob@elsewhere.example>"),
    expect.stringContaining("<archive@elsewhere.example>"),
  ]);
  expect(world.contents).toEqual([]);

  const filtered = `X-Filtered: yes\r\n${filter.contents[0]}`;
  const recipients = ["bob@elsewhere.example", "archive@elsewhere.example"];
  expect(await send(reinject, "Ann.Smith@new.example", recipients, filtered)).toMatch(/^250/);
  await until(() => world.contents.length === 1);
  expect(named("RCPT", world.heard)).toHaveLength(2);
  expect(world.contents[0]).toContain("X-Filtered: yes\r\n");
  expect(filter.contents).toHaveLength(1);
  expect(lines.filter(({ level }) => level === "error")).toEqual([]);
});
