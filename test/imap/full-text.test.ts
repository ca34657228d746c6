/** Searches over IMAP with `search-fts` answer as they do without it, while the index comes into being and afterwards. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import searchFts from "../../plugins/search-fts/index.ts";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

describe("IMAP with search-fts", () => {
  let server: ImapServer;
  beforeEach(async () => {
    server = await ImapServer.start({}, "optional", [
      [searchFts, { path: "full-text", maxSize: 2 ** 30, beginsWith: "search" }],
    ]);
  });
  afterEach(() => server.stop());

  const queries = [
    "SEARCH TEXT needle",
    "SEARCH NOT TEXT needle",
    "SEARCH OR BODY needle SUBJECT seven",
    "SEARCH HEADER X-Number 12",
    "SEARCH NOT HEADER X-Number 12 BODY ne",
    "SEARCH RETURN (MIN MAX COUNT) BODY number",
    'SEARCH FUZZY TEXT "needle seven"',
  ];

  it("finds the same while the index is built, with it, and after changes", async () => {
    const client = await RawClient.open(server.port);
    await client.command("LOGIN ann secret");
    for (let number = 1; number <= 30; number++) {
      const body = `Subject: ${number === 7 ? "seven" : "other"}\r\nX-Number: ${number}\r\n\r\nnumber ${number}${number % 10 === 7 ? " Needle" : ""}\r\n`;
      await client.command(`APPEND INBOX {${body.length}+}\r\n${body}`);
    }
    await client.command("SELECT INBOX");
    const answers = async () => {
      const all: string[] = [];
      for (const query of queries) all.push(...(await client.command(query)).filter((line) => /SEARCH/.test(line)));
      return all.map((line) => line.replace(/\(TAG "[^"]*"\)/, ""));
    };
    const expected = [
      "* SEARCH 7 17 27",
      `* SEARCH ${Array.from({ length: 30 }, (_, at) => at + 1)
        .filter((number) => number % 10 !== 7)
        .join(" ")}`,
      "* SEARCH 7 17 27",
      "* SEARCH 12",
      "* SEARCH 7 17 27",
      "* ESEARCH  MIN 1 MAX 30 COUNT 30",
      "* SEARCH 7",
    ];
    const untagged = async () => (await answers()).filter((line) => line.startsWith("*"));
    expect(await untagged()).toEqual(expected);
    // The index is there, and has all of them.
    await vi.waitFor(
      async () => {
        const [key = ""] = await readdir(join(server.root, "full-text"));
        expect(await readdir(join(server.root, "full-text", key))).toContain("tail");
      },
      { timeout: 60_000 },
    );
    expect(await untagged()).toEqual(expected);
    const late = "Subject: late\r\n\r\nanother needle\r\n";
    await client.command(`APPEND INBOX {${late.length}+}\r\n${late}`);
    await client.command("STORE 7 +FLAGS.SILENT (\\Deleted)");
    await client.command("EXPUNGE");
    expect((await client.command("SEARCH TEXT needle")).filter((line) => line.startsWith("* SEARCH"))).toEqual([
      "* SEARCH 16 26 30",
    ]);
    client.destroy();
  });
});
