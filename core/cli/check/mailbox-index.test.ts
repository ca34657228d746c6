import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { ServerConfig } from "../../app/config/server-config.ts";
import { checkMailboxIndex } from "./mailbox-index.ts";

const configOf = (ceilingBytes: number) =>
  ({ dataDir: join(tmpdir(), "postern-not-there", "data"), mailboxIndex: { ceilingBytes } }) as ServerConfig;

it("warns of an index that may take the room that mail needs", async () => {
  expect(await checkMailboxIndex(configOf(1024 * 1024))).toEqual([]);
  expect(await checkMailboxIndex(configOf(2 ** 60))).toMatchObject([
    { severity: "warning", about: "mailboxIndex.maxSize", text: expect.stringContaining("more than half") },
  ]);
});
