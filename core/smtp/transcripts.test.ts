import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestOptions, type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { runTranscript } from "../testing/transcript.ts";

const directory = join(dirname(fileURLToPath(import.meta.url)), "transcripts");

/** `name.setup.smtp` */
const setups: Readonly<Record<string, SmtpTestOptions>> = {
  mx: { role: "mx" },
  "mx-tls": { role: "mx", tls: "optional" },
  submission: { role: "submission" },
  "submission-tls": { role: "submission", tls: "required" },
  lmtp: { role: "lmtp" },
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
  "tls-required.submission-tls.smtp": [(text) => expect(text).toMatch(/under TLS\r\n/)],
  "bdat.mx.smtp": [
    (text) => expect(text).toMatch(/Subject: 1\r\n\r\n\.\.\r\n\.\r\n$/),
    (text) => expect(text).toMatch(/ab\r\ncd\r\n$/),
    (text) => expect(text).not.toContain("NOOP"),
  ],
  "bdat-order.mx.smtp": [(text) => expect(text).toMatch(/a\r\n$/)],
  "bdat-lmtp.lmtp.smtp": [(text) => expect(text).toMatch(/hello\r\n$/)],
  "binarymime.mx.smtp": [(text) => expect(text).toMatch(/Subject: b\r\n\r\n\0\r\n\.\r\n\n\.\n\r\0$/)],
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
