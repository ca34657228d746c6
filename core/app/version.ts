/** The version of this package, as its package.json says. */
import { existsSync, readFileSync } from "node:fs";

let known: string | null = null;

export function version(): string {
  known ??= (JSON.parse(readFileSync(packageFile(), "utf8")) as { version: string }).version;
  return known;
}

/** Two levels above in the source, three in the build. */
function packageFile(): URL {
  const candidates = ["../../package.json", "../../../package.json"].map((path) => new URL(path, import.meta.url));
  return candidates.find((file) => existsSync(file)) ?? new URL("../../package.json", import.meta.url);
}
