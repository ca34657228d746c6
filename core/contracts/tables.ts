/** Look-up tables: `hash:/etc/postern/virtual`, `inline:{...}`; plugins register further schemes. */
import { defineService } from "./service.ts";

export interface Table {
  /** The value stored for the key, `null` if there is none. Rejects if the table cannot answer now. */
  get(key: string): Promise<string | null> | string | null;
}

export interface Tables {
  /** Opens `scheme:rest`; rejects with a clear message when the scheme is unknown or the source unreadable. Relative paths
   * are relative to the config file. */
  open(spec: string): Promise<Table>;
  register(scheme: string, open: (rest: string) => Promise<Table>): void;
}
export const Tables = defineService<Tables>("postern/tables@1");
