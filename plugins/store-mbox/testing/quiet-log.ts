/** What this plugin's tests share. */
import type { Log } from "postern/plugin";

export const quietLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => quietLog,
};
