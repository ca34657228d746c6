import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, it } from "vitest";
import { runTranscript } from "../../core/testing/transcript.ts";
import { grammarProxy } from "./grammar-proxy.ts";
import { ImapServer } from "./imap-server.ts";

const directory = fileURLToPath(new URL("../../plugins/access-imap/transcripts/", import.meta.url));

describe("access-imap transcripts", () => {
  let server: ImapServer;
  beforeEach(async () => {
    server = await ImapServer.start();
  });
  afterEach(() => server.stop());

  it.each(readdirSync(directory).filter((name) => name.endsWith(".imap")))("%s", async (name) => {
    // RFC 9051 9: every response, whatever the transcript looks at.
    const proxy = await grammarProxy(server.port);
    await runTranscript(directory + name, { port: proxy.port });
    await proxy.close();
  });
});

it("takes no password before TLS where TLS is required, not even from this machine", async () => {
  const server = await ImapServer.start({}, "required");
  try {
    await runTranscript(
      `S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID IDLE STARTTLS LOGINDISABLED] ...
C: a1 LOGIN ann secret
S: a1 NO [PRIVACYREQUIRED] ...
C: a2 AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=
S: a2 NO [PRIVACYREQUIRED] ...
C: a3 STARTTLS
S: a3 OK ...
T:
C: a4 AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=
S: a4 OK ...
`,
      { port: server.port },
    );
  } finally {
    await server.stop();
  }
});
