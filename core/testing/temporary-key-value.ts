/** A real KeyValue in a directory of its own, for tests of plugins: `services: [kv.service]` of `kernelWith`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../contracts/clock.ts";
import { KeyValue } from "../contracts/key-value.ts";
import type { CoreService } from "../kernel/services.ts";
import { createKeyValue, type KeyValueOptions, type OpenKeyValue } from "../kv/key-value.ts";
import { silentLog } from "./kernel.ts";

export interface TemporaryKeyValue extends KeyValue {
  readonly directory: string;
  /** As core hands it to plugins. */
  readonly service: CoreService;
  /** The same data once more, as another worker has it. Closed together with this one. */
  again(): OpenKeyValue;
  /** Closes all and removes the directory. */
  close(): Promise<void>;
}

export async function temporaryKeyValue(
  options: { readonly clock?: Clock } & Partial<Omit<KeyValueOptions, "directory" | "clock">> = {},
): Promise<TemporaryKeyValue> {
  const directory = await mkdtemp(join(tmpdir(), "postern-kv-"));
  const make = () => createKeyValue({ log: silentLog, clock: Date, ...options, directory });
  const first = make();
  const all = [first];
  return {
    directory,
    space: first.space,
    lease: first.lease,
    service: [KeyValue, first],
    again() {
      const next = make();
      all.push(next);
      return next;
    },
    async close() {
      for (const one of all) await one.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
