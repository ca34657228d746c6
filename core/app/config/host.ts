/** This server's copies of what plugins import: the loader hands them out, whatever else is installed. */
import * as mail from "../../api/mail.ts";
import * as plugin from "../../api/plugin.ts";
import * as store from "../../api/store.ts";
import type { HostModules } from "../../kernel/load.ts";

export const hostModules: HostModules = { "postern/plugin": plugin, "postern/mail": mail, "postern/store": store };
