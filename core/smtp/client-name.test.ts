import { afterEach, beforeEach, expect, it } from "vitest";
import { startDnsServer, type TestDnsServer } from "../testing/dns-server.ts";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";

let dns: TestDnsServer;
let server: SmtpTestServer;
beforeEach(async () => {
  dns = await startDnsServer([
    { name: "7.0.0.127.in-addr.arpa", type: "PTR", data: "seven.example.net" },
    { name: "8.0.0.127.in-addr.arpa", type: "PTR", data: "seven.example.net" },
    { name: "seven.example.net", type: "A", data: "127.0.0.7" },
  ]);
  server = await smtpTestServer({ plugins: [fixture], dns: dns.server });
});
afterEach(async () => {
  await server.close();
  await dns.close();
});

async function send(from: string): Promise<string> {
  const client = await RawClient.open(server.port, from);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<a@example.net>");
  await client.say("RCPT TO:<user@example.org>");
  await client.say("DATA");
  expect(await client.say("Subject: x\r\n\r\nx\r\n.")).toMatch(/^250/);
  client.socket.destroy();
  return server.accepted.at(-1)?.text ?? "";
}

it("stands in Received where it leads back to the address, and nowhere else", async () => {
  expect(await send("127.0.0.7")).toContain("(seven.example.net [127.0.0.7])");
  expect(server.accepted.at(-1)?.envelope.session?.remote.hostname).toBe("seven.example.net");
  expect(await send("127.0.0.8")).toContain("(unknown [127.0.0.8])");
});
