import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Flushed, QueueControl } from "../contracts/queue-control.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { runTranscript } from "../testing/transcript.ts";
import { type PeerGrants, smtpPeers } from "./peers.ts";

const directory = join(dirname(fileURLToPath(import.meta.url)), "transcripts");

/** What a queue says of these domains. */
async function queueRun(domain: string): Promise<Flushed> {
  if (domain === "broken.example") throw new Error("the disk is on fire");
  const recipients: Record<string, number> = { "example.com": 3, ".example.com": 4, "many.example": 2 };
  return { recipients: recipients[domain] ?? 0, isWhole: !["many.example", "others.example"].includes(domain) };
}

const nothing: PeerGrants = { from: null, xclient: [], xforward: [], vrfy: "off", etrn: "off", etrnDomains: null };

/** `name.setup.smtp` */
const setups: Readonly<Record<string, SmtpTestOptions>> = {
  mx: { role: "mx" },
  "mx-tls": { role: "mx", tls: "optional" },
  submission: { role: "submission" },
  "submission-tls": { role: "submission", tls: "required" },
  lmtp: { role: "lmtp" },
  trusted: {
    role: "mx",
    services: [[QueueControl, { flush: queueRun }]],
    config: {
      limits: { errors: 50 },
      peers: {
        ...smtpPeers({
          from: ["127.0.0.0/8"],
          xclient: ["127.0.0.1"],
          xforward: ["127.0.0.1"],
          vrfy: "always",
          etrn: ["127.0.0.1"],
          etrnDomains: ["example.com", "empty.example", "many.example", "others.example", "broken.example"],
        }),
      },
    },
  },
  reinject: { role: "reinject", config: { peers: smtpPeers({ ...nothing, xforward: ["127.0.0.1"] }) } },
};

/** What the spool should have got, where that is more than nothing. */
const kept: Readonly<Record<string, readonly ((text: string) => void)[]>> = {
  "parameters.mx.smtp": [(text) => expect(text).toContain("Subject: parameters\r\n\r\n")],
  "pipelining.mx.smtp": [
    (text) => expect(text).toMatch(/Subject: 1\r\n\r\none\r\n$/),
    (text) => expect(text).not.toContain("Subject"),
  ],
  "two-sessions.mx.smtp": [(text) => expect(text).toMatch(/two\r\n$/), (text) => expect(text).toMatch(/one\r\n$/)],
  "login.submission.smtp": [
    (text) => expect(text).toMatch(/Subject: bare\r\nline: ends\r\n[\s\S]*\r\n\r\nare mended\r\n\.\r\nhere\r\n$/),
  ],
  "unqualified.submission.smtp": [
    (text) => {
      expect(text).toContain(
        'From: "The user" <user@example.org>\r\nTo: other@example.org,\r\n them@example.net\r\nDate: ',
      );
      expect(text).not.toMatch(/bcc|picky/i);
    },
  ],
  "tls-required.submission-tls.smtp": [(text) => expect(text).toMatch(/under TLS\r\n/)],
  "bdat.mx.smtp": [
    (text) => expect(text).toMatch(/Subject: 1\r\n\r\n\.\.\r\n\.\r\n$/),
    (text) => expect(text).toMatch(/ab\r\ncd\r\n$/),
    (text) => expect(text).not.toContain("NOOP"),
  ],
  "bdat-order.mx.smtp": [(text) => expect(text).toMatch(/a\r\n$/)],
  "bdat-lmtp.lmtp.smtp": [(text) => expect(text).toMatch(/hello\r\n$/)],
  "binarymime.mx.smtp": [(text) => expect(text).toMatch(/Subject: b\r\n\r\n\0\r\n\.\r\n\n\.\n\r\0$/)],
  "dsn.mx.smtp": [(text) => expect(text).toMatch(/x\r\n$/)],
  "prdr.mx.smtp": [
    (text) => expect(text).toMatch(/Subject: 1\r\n\r\n$/),
    (text) => expect(text).toMatch(/a\r\n$/),
    (text) => expect(text).toMatch(/Subject: 3\r\n\r\n$/),
    (text) => expect(text).toMatch(/Subject: 3\r\n\r\n$/),
  ],
  "reinject.reinject.smtp": [
    (text) => expect(text).toMatch(/\(on behalf of unknown \[192\.0\.2\.7\]\)[\s\S]*Subject: filtered/),
  ],
  "requiretls.mx-tls.smtp": [(text) => expect(text).toMatch(/Subject: kept under TLS\r\n\r\n$/)],
  "xclient.trusted.smtp": [
    (text) => expect(text).toMatch(/^Received: from six\.example\.com \(unknown \[IPv6:2001:db8::9\]\)/),
  ],
  "xforward.trusted.smtp": [
    (text) => expect(text).toMatch(/\(on behalf of helo\.example\.com a\.example\.com \[192\.0\.2\.7\]\)/),
    (text) => expect(text).not.toContain("on behalf of"),
  ],
  "lmtp.lmtp.smtp": [(text) => expect(text).toMatch(/hello\r\n$/)],
};

describe("transcripts", () => {
  it.each(readdirSync(directory).filter((file) => file.endsWith(".smtp")))("%s", async (file) => {
    const setup = setups[file.split(".")[1] ?? ""];
    if (setup === undefined) throw new Error(`no set-up for ${file}`);
    const server = await started(setup);
    await runTranscript(join(directory, file), { port: server.port });
    const expected = kept[file] ?? [];
    expect(server.accepted).toHaveLength(expected.length);
    for (const [index, check] of expected.entries()) check(server.accepted[index]?.text ?? "");
  });
});

async function started(setup: SmtpTestOptions): Promise<SmtpTestServer> {
  const server = await smtpTestServer({
    plugins: [fixture],
    config: { limits: { messageSizeBytes: 100_000, errors: 50 } },
    ...setup,
  });
  onTestFinished(() => server.close());
  return server;
}
