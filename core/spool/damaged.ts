/** Sets aside what cannot be read, and says so. Never deletes, never throws: one message's damage is nobody else's trouble. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Log } from "../contracts/log.ts";
import { errorCode, isMissing } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import type { Layout } from "./layout.ts";

export type SettingAside = Pick<Damaged, "keepBytes" | "keepFile">;

export class Damaged {
  readonly #files: SpoolFiles;
  readonly #layout: Layout;
  readonly #log: Log;

  constructor(files: SpoolFiles, layout: Layout, log: Log) {
    this.#files = files;
    this.#layout = layout;
    this.#log = log;
  }

  /** Copies bytes of a segment. `name` is unique for the damage, so that a second start does not copy it again. */
  async keepBytes(
    bytes: Buffer,
    about: { readonly name: string; readonly id: string | null; readonly wasDurable: boolean },
  ): Promise<void> {
    const path = join(this.#layout.damaged, about.name);
    try {
      const fd = await this.#files.create(path);
      try {
        await this.#files.write(fd, [bytes], 0);
        await this.#files.flush(fd);
      } finally {
        await this.#files.close(fd);
      }
      await this.#files.flushDirectory(this.#layout.damaged);
    } catch (error) {
      if (errorCode(error) === "EEXIST") return;
      this.#log.error({ file: about.name, id: about.id, error: String(error) }, "spool: damage could not be set aside");
      return;
    }
    const fields = { file: about.name, id: about.id, sizeBytes: bytes.length };
    if (about.wasDurable) this.#log.error(fields, "spool: a damaged record has been set aside");
    else this.#log.warn(fields, "spool: a write that was never finished has been set aside");
  }

  /** Moves a whole file, if it is there. */
  async keepFile(path: string, about: { readonly name: string; readonly id: string | null; readonly cause: unknown }) {
    const name = `${about.name}.${randomBytes(4).toString("hex")}`;
    try {
      await this.#files.rename(path, join(this.#layout.damaged, name));
      this.#log.error(
        { file: name, id: about.id, cause: String(about.cause) },
        "spool: a damaged file has been set aside",
      );
    } catch (error) {
      if (isMissing(error)) return;
      this.#log.error({ file: name, id: about.id, error: String(error) }, "spool: damage could not be set aside");
    }
  }
}
