/** What breaks inside a session: the client learns no more than 451, nothing is let through, and the others go on. */
import { expect, it, onTestFinished } from "vitest";
import type { LoginConversation, LoginStep, Logins } from "../contracts/account.ts";
import type { Hooks } from "../contracts/hooks.ts";
import type { Log } from "../contracts/log.ts";
import { definePlugin } from "../kernel/define.ts";
import { proceed, reject } from "../kernel/verdicts.ts";
import { silentLog } from "../testing/kernel.ts";
import { MemoryClient } from "../testing/memory-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

async function serverWith(hooks: Hooks, options: SmtpTestOptions = {}): Promise<SmtpTestServer> {
  const policy = definePlugin({ name: "policy-test", api: 1, setup: () => ({ hooks }) });
  const server = await smtpTestServer({ ...options, plugins: [policy, fixture] });
  onTestFinished(() => server.close());
  return server;
}

/** A log that breaks where it is told of this. */
function logBreakingAt(told: string): Log {
  const info: Log["info"] = (_fields, text) => {
    if (text === told) throw new Error("no room for the log");
  };
  const log: Log = { ...silentLog, info, child: () => log };
  return log;
}

const envelope = "MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\n";

async function session(server: SmtpTestServer, wire: string): Promise<string> {
  const client = new MemoryClient(server.serve);
  await client.until(/^220 /);
  client.send(`EHLO x.example\r\n${wire}`);
  client.end();
  const said = await client.closed();
  return said.slice(said.lastIndexOf("250 DSN\r\n") + 9);
}

it("a sender that could not be judged has no transaction", async () => {
  const server = await serverWith(
    { mailFrom: () => reject("Never") },
    { log: logBreakingAt("refused"), config: { delayReject: false } },
  );
  expect(await session(server, `${envelope}DATA\r\n`)).toMatch(/^451 4\.3\.0 .*\r\n503 .*\r\n503 .*\r\n$/);
});

it("the octets of a chunk whose command broke are no commands", async () => {
  const server = await serverWith({ data: () => reject("Nothing today") }, { log: logBreakingAt("refused") });
  const said = await session(server, `${envelope}BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n`);
  expect(said).toMatch(/^250 2\.1\.0 Ok\r\n250 2\.1\.5 Ok\r\n421 4\.3\.0 [^\r]*\r\n$/);
});

it("a fault while content is read ends that connection and no other", async () => {
  const server = await serverWith(
    {},
    {
      log: logBreakingAt("a message far over the size limit was cut off"),
      config: { limits: { messageSizeBytes: 1000 } },
    },
  );
  const other = new MemoryClient(server.serve);
  await other.until(/^220 /);
  expect(await session(server, `${envelope}DATA\r\n${"x".repeat(5000)}`)).not.toMatch(/\r\n552/);
  other.send("NOOP\r\nQUIT\r\n");
  expect(await other.closed()).toMatch(/250 2\.0\.0 Ok\r\n221 /);
});

it("a login whose client leaves while it is at work is cancelled", async () => {
  let cancelled = 0;
  let goOn: ((step: LoginStep) => void) | null = null;
  const conversation: LoginConversation = {
    next: () =>
      new Promise((resolve) => {
        goOn = resolve;
      }),
    cancel: () => void cancelled++,
  };
  const challenge: LoginStep = { at: "challenge", data: Buffer.from("x") };
  const logins: Logins = {
    mechanisms: () => ["SLOW"],
    begin: async () => ({ conversation, step: challenge }),
    password: async () => ({ at: "failure", cause: "mechanism", text: "", isTemporary: false }),
  };
  const server = await serverWith({ connect: () => proceed }, { logins });
  const client = new MemoryClient(server.serve);
  await client.until(/^220 /);
  client.send("EHLO x.example\r\nAUTH SLOW\r\n");
  await client.until(/^334 /m);
  client.send("eA==\r\n");
  await expect.poll(() => goOn).not.toBe(null);
  client.destroy();
  await client.closed();
  expect(cancelled).toBe(0);
  (goOn as unknown as (step: LoginStep) => void)(challenge);
  await expect.poll(() => cancelled).toBe(1);
});
