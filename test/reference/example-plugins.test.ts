/** The plugins that the examples and the guide show do what they say. */
import { afterEach, expect, it } from "vitest";
import dynamicHosts from "../../config/examples/plugins/dynamic-hosts.ts";
import noMondays from "../../config/examples/plugins/no-mondays.ts";
import { startDnsServer } from "../../core/testing/dns-server.ts";
import { kernelOf } from "../../core/testing/kernel.ts";
import { envelopeOf } from "../../core/testing/mail.ts";
import { optionsOf } from "../../core/testing/plugin-options.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { smtpTestServer } from "../../core/testing/smtp-front.ts";
import { temporaryKeyValue } from "../../core/testing/temporary-key-value.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it("dynamic-hosts lets such hosts send so much and no more, and leaves others alone", async () => {
  const dns = await startDnsServer([
    { name: "3.0.0.127.in-addr.arpa", type: "PTR", data: "dyn-1.pool.example" },
    { name: "dyn-1.pool.example", type: "A", data: "127.0.0.3" },
    { name: "2.0.0.127.in-addr.arpa", type: "PTR", data: "mx.example.net" },
    { name: "mx.example.net", type: "A", data: "127.0.0.2" },
  ]);
  const store = await temporaryKeyValue();
  const options = optionsOf(dynamicHosts, { hosts: ["pcre:{ { /^dyn-/ yes } }"], limit: 1 });
  const server = await smtpTestServer({
    plugins: [[dynamicHosts, options]],
    services: [store.service],
    dns: dns.server,
    config: { delayReject: false },
  });
  cleanups.push(
    () => dns.close(),
    () => store.close(),
    () => server.close(),
  );
  const mailFrom = async (from: string) => {
    const client = await RawClient.open(server.port, from);
    cleanups.push(() => client.socket.destroy());
    await client.until(/^220 .*\r\n/m);
    await client.say("EHLO client.example");
    return client.say("MAIL FROM:<ann@example.net>");
  };
  expect(await mailFrom("127.0.0.3")).toMatch(/^250/);
  expect(await mailFrom("127.0.0.3")).toMatch(/^550 5\.7\.1 Use your provider's/);
  for (let count = 0; count < 3; count += 1) expect(await mailFrom("127.0.0.2")).toMatch(/^250/);
});

it("no-mondays takes no mail on its day", async () => {
  for (const [weekday, verdict] of [
    [new Date().getDay(), "reject"],
    [(new Date().getDay() + 3) % 7, "proceed"],
  ] as const) {
    const kernel = await kernelOf([noMondays, optionsOf(noMondays, { weekday })]);
    expect((await kernel.policy("mailFrom", envelopeOf(), null)).verdict).toMatchObject({ verdict });
  }
});
