/** Lines that the operator's tables have and that do not hold: the server starts without them, so they are warnings. */
import { Tables } from "../../contracts/tables.ts";
import type { OfflineKernel } from "../offline-kernel.ts";
import { type Finding, warningAt } from "./finding.ts";

export async function checkTables({ kernel }: OfflineKernel): Promise<readonly Finding[]> {
  const mistakes = await kernel.service(Tables).mistakes();
  return mistakes.map(({ spec, line, text }) => warningAt(null, `${spec}${line === null ? "" : `:${line}`}: ${text}`));
}
