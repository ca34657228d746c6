/** The client of SMTP and LMTP against servers of others: Postfix over TLS with all that it offers, and Dovecot's LMTP. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { briefResult, outboundRequest, testOutbound } from "postern/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Authority } from "../../core/testing/authority.ts";
import { freePort } from "../server/ports.ts";
import { Dovecot } from "./dovecot.ts";
import { Postfix } from "./postfix.ts";

const outbound = testOutbound();
afterAll(() => outbound.close());

async function contents(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(directory, name), "latin1")));
}

describe("Postfix", () => {
  let directory: string;
  let postfix: Postfix;
  let ca: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "postern-outbound-"));
    const authority = await Authority.open(directory);
    const { cert, key } = await authority.issue({ dnsNames: ["far.example"] });
    ca = await readFile(authority.ca, "utf8");
    postfix = await Postfix.start({
      port: await freePort(),
      relayPort: 9,
      settings: [
        "smtpd_tls_security_level = may",
        `smtpd_tls_cert_file = ${cert}`,
        `smtpd_tls_key_file = ${key}`,
        "smtpd_authorized_xforward_hosts = 127.0.0.0/8",
      ],
    });
  });
  afterAll(async () => {
    await postfix.stop();
    await rm(directory, { recursive: true });
  });
  const send = (about: Parameters<typeof outboundRequest>[0]) =>
    outbound.send(
      outboundRequest({
        to: ["good@far.example", "bad@far.example"],
        place: { name: "far.example", addresses: ["127.0.0.1"], port: postfix.port },
        tls: { level: "verified", ca: [ca] },
        ...about,
      }),
    );

  it("takes small and large messages over one connection that is kept, octet by octet", async () => {
    const sizes = [10, 1_000, 100_000, 2_000_000];
    for (const [at, size] of sizes.entries()) {
      const line = ".0123456789abcdef".repeat(3);
      const content = `Subject: ${size}\r\n\r\n${`${line}\r\n`.repeat(Math.ceil(size / (line.length + 2)))}.\r\nend\r\n`;
      const result = await send({ content });
      expect(briefResult(result)[0]).toMatch(/^1: 250 2\.0\.0 at end$/);
      expect(briefResult(result)[1]).toMatch(/^2: 550 5\.1\.1 at rcpt$/);
      expect(result.facts).toMatchObject({ isReused: at > 0, tls: { verifiedBy: "pkix" } });
      const digest = (text: string) => createHash("sha256").update(text).digest("hex");
      await expect
        .poll(async () => {
          const found = (await contents(join(postfix.maildir, "new"))).find((text) =>
            text.includes(`Subject: ${size}\n`),
          );
          return found && digest(found.slice(found.indexOf("\n\n") + 2));
        })
        .toBe(digest(content.slice(content.indexOf("\r\n\r\n") + 4).replaceAll("\r\n", "\n")));
    }
  });

  it("takes many at once over few connections", async () => {
    const lane = async () => {
      for (let count = 0; count < 25; count += 1)
        expect(briefResult(await send({ to: ["good@far.example"] }))).toEqual(["1: 250 2.0.0 at end"]);
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
  });

  it("hears for whom we speak", async () => {
    const result = await send({
      to: ["good@far.example"],
      content: "Subject: forwarded\r\n\r\n",
      forwards: { id: "E77", origin: "sendmail", session: null },
    });
    expect(briefResult(result)).toEqual(["1: 250 2.0.0 at end"]);
    await expect
      .poll(async () => (await readFile(join(postfix.directory, "log/mail.log"), "utf8")).includes("orig_queue_id=E77"))
      .toBe(true);
  });

  it("is asked without a message", async () => {
    expect(briefResult(await send({ content: null }))).toEqual(["1: 250 2.1.5 at rcpt", "2: 550 5.1.1 at rcpt"]);
  });
});

describe("Dovecot", () => {
  let dovecot: Dovecot;
  beforeAll(async () => {
    dovecot = await Dovecot.start({ lmtp: true });
  });
  afterAll(() => dovecot.stop());

  it("answers by LMTP for each recipient, over TCP and over its unix socket", async () => {
    const places = [
      { name: "localhost", addresses: ["127.0.0.1"], port: dovecot.lmtpPort },
      { name: "localhost", path: dovecot.lmtpPath },
    ];
    for (const place of places) {
      const to = ["ann@example.org", "nobody@example.org"];
      const result = await outbound.send(outboundRequest({ protocol: "lmtp", place, to }));
      expect(briefResult(result)).toEqual(["1: 250 2.0.0 at end", "2: 550 5.1.1 at rcpt"]);
    }
    await expect.poll(async () => (await contents(dovecot.newMail("ann"))).length).toBe(2);
    const [text = ""] = await contents(dovecot.newMail("ann"));
    expect(text.replaceAll("\r\n", "\n")).toContain("\n\n.dot\n");
  });
});
