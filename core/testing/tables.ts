/** The real `Tables` service for tests of plugins: `kernelWith({ services: [tablesService()] }, plugin)`. */
import type { Log } from "../contracts/log.ts";
import { Tables } from "../contracts/tables.ts";
import type { CoreService } from "../kernel/services.ts";
import { createTables } from "../tables/tables.ts";
import { silentLog } from "./kernel.ts";

export interface TestTables {
  /** What relative paths are relative to; the working directory if left out. */
  readonly configDir?: string;
  /** The domain of bare keys; example.org if left out. */
  readonly origin?: string;
  readonly recipientDelimiter?: string;
  readonly clock?: { now(): number };
  readonly log?: Log;
}

export function tablesOf({ configDir = process.cwd(), origin = "example.org", ...more }: TestTables = {}): Tables {
  return createTables({ configDir, log: silentLog, clock: Date, localDomains: [origin], ...more });
}

export const tablesService = (init: TestTables = {}): CoreService => [Tables, tablesOf(init)];
