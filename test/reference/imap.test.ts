/** docs/reference/imap.md is what the code says, and CAPABILITY says what the page says. */
import { expect, it } from "vitest";
import { ImapServer } from "../imap/imap-server.ts";
import { RawClient } from "../imap/raw-client.ts";
import { imapReference, namedCapabilities } from "./imap-reference.ts";

it("docs/reference/imap.md is up to date", async () => {
  await expect(imapReference()).toMatchFileSnapshot("../../docs/reference/imap.md");
});

it("names each capability, and no other", async () => {
  const server = await ImapServer.start();
  const client = await RawClient.open(server.port);
  try {
    const capabilities = async () => {
      const [line = ""] = await client.ok("CAPABILITY");
      return line.replace("* CAPABILITY ", "").split(" ");
    };
    const told = await capabilities();
    await client.ok("LOGIN ann secret");
    // On this machine passwords are taken in clear.
    told.push(...(await capabilities()), "LOGINDISABLED");
    const named = namedCapabilities();
    const heads = named.filter((word) => word.endsWith("="));
    const shown = told.map((word) => heads.find((head) => word.startsWith(head) && !named.includes(word)) ?? word);
    expect([...new Set(shown)].toSorted()).toEqual([...new Set(named)].toSorted());
  } finally {
    client.destroy();
    await server.stop();
  }
});
