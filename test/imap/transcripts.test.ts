import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, it } from "vitest";
import { runTranscript } from "../../core/testing/transcript.ts";
import { ImapServer } from "./imap-server.ts";

const directory = fileURLToPath(new URL("../../plugins/access-imap/transcripts/", import.meta.url));

describe("access-imap transcripts", () => {
  let server: ImapServer;
  beforeEach(async () => {
    server = await ImapServer.start();
  });
  afterEach(() => server.stop());

  it.each(readdirSync(directory).filter((name) => name.endsWith(".imap")))("%s", async (name) => {
    await runTranscript(directory + name, { port: server.port });
  });
});
