import { afterEach, describe, expect, it } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { accept, found } from "../kernel/verdicts.ts";
import { type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { runTranscript } from "../testing/transcript.ts";

const everywhere = definePlugin({
  name: "directory-test",
  api: 1,
  setup: () => ({
    hooks: {
      findDomain: ({ domain }) => (domain === "example.org" ? accept("local") : { verdict: "proceed" }),
      findAccount: (query) => found({ login: "x", addresses: [], home: "/", quotaBytes: null }),
    },
  }),
});

describe("front", () => {
  it("takes a message", async () => {
    const server = await smtpTestServer({ plugins: [everywhere] });
    await runTranscript(
      `
S: 220 mx.example.org ESMTP Postern
C: EHLO me.example
S: 250-mx.example.org
S*: 250 AUTH PLAIN LOGIN
C: MAIL FROM:<a@example.net>
S: 250 2.1.0 Ok
C: RCPT TO:<b@example.org>
S: 250 2.1.5 Ok
C: DATA
S: 354 ...
C: Subject: hi
C:
C: ..hello
C: .
S: 250 2.0.0 Ok: queued as {id}
C: QUIT
S: 221 2.0.0 Good-bye
X:
`,
      { port: server.port },
    );
    expect(server.accepted).toHaveLength(1);
    expect(server.accepted[0]?.text).toContain("\r\n\r\n.hello\r\n");
    await server.close();
  });
});
