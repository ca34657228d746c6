/** `postern version`: of this program and of what runs it. */
import { version } from "../../app/version.ts";
import type { Terminal } from "../terminal.ts";

export function showVersion({ out }: Terminal): void {
  out.write(`postern ${version()} (node ${process.versions.node}, ${process.platform} ${process.arch})\n`);
}
