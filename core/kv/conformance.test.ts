import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../testing/kernel.ts";
import { keyValueConformance } from "../testing/key-value-suite.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { createKeyValue, type OpenKeyValue } from "./key-value.ts";

await keyValueConformance("lmdb", async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-kv-"));
  const clock = manualClock();
  const opened: OpenKeyValue[] = [];
  const again = async () => {
    const kv = createKeyValue({ directory, clock, log: silentLog });
    opened.push(kv);
    return kv;
  };
  const close = async () => {
    for (const kv of opened.splice(0)) await kv.close();
  };
  return {
    clock,
    again,
    kv: await again(),
    async restart() {
      await close();
      return again();
    },
    async stop() {
      await close();
      await rm(directory, { recursive: true });
    },
  };
});
