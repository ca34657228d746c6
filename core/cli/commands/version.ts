/** `postern version`: of this program and of what runs it. */
import { version } from "../../app/version.ts";

export const versionText = (): string =>
  `postern ${version()} (node ${process.versions.node}, ${process.platform} ${process.arch})`;
