import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkFreeSpace } from "./places.ts";

const spoolWith = (minFreeBytes: number) => ({ minFreeBytes, maxMessages: 1000 });

describe("the free space that the queue asks for", () => {
  it("is found too small before the server starts, on the file system that the directory would be on", async () => {
    const dataDir = join(tmpdir(), "not-there-yet", "data");
    const [finding, ...more] = await checkFreeSpace({ dataDir, spool: spoolWith(2 ** 52) });
    expect(finding).toMatchObject({ severity: "error", about: "spool.minFree" });
    expect(finding?.text).toMatch(/^only \d+ MiB are free in \/.*, less than 4096TiB: no mail would be taken/);
    expect(more).toEqual([]);
  });

  it("is not spoken of where there is enough", async () => {
    expect(await checkFreeSpace({ dataDir: tmpdir(), spool: spoolWith(1) })).toEqual([]);
  });
});
