/**
 * A brief of each message that has a file of its own, so that a list need not read the files. Disposable: what is missing, torn, damaged, or
 * does not fit the name on disk is made again from the file when somebody asks for a list. Never flushed, never in the way of mail: when the disk
 * fails it is dropped, and begun anew with the next list. Messages that are delivered at once never come here.
 */
import type { Log } from "../contracts/log.ts";
import type { Brief } from "./brief.ts";
import { type CatalogueLine, type IsWanted, newestFirst, renderLine } from "./catalogue-lines.ts";
import { errorCode, ignoreMissing, isMissing } from "./errors.ts";
import type { SpoolFiles } from "./files.ts";
import { IdTable } from "./id-table.ts";
import type { DeferredName, Layout } from "./layout.ts";

export interface CatalogueInit {
  readonly files: SpoolFiles;
  readonly layout: Layout;
  readonly log: Log;
  /** The due time in the name of each message that has a file. */
  readonly filed: IdTable;
}

/** Lines wait for each other so long, or until there are so many. */
const patienceMs = 1000;
const batchBytes = 256 * 1024;
/** It is written anew without what is out of date when it is larger than this, and so much for each message. */
const floorBytes = 8 * 1024 * 1024;
const bytesPerMessage = 1600;

export class Catalogue {
  readonly #init: CatalogueInit;
  #lines: string[] = [];
  #bytes = 0;
  #fd: number | null = null;
  #end = 0;
  /** It is written anew beyond that. */
  #limitBytes = floorBytes;
  #isBroken = false;
  #timer: NodeJS.Timeout | null = null;
  /** Work on the file, one after the other. */
  #tail: Promise<void> = Promise.resolve();

  constructor(init: CatalogueInit) {
    this.#init = init;
  }

  /** With others, soon. */
  put(name: DeferredName, brief: Brief): void {
    this.#add({ name, brief });
    if (this.#bytes >= batchBytes) void this.#write();
    else this.#timer ??= setTimeout(() => void this.#write(), patienceMs).unref();
  }

  /** The file of this name is about to say something else. When it resolves, no earlier line holds, even if the process is killed. */
  forget(name: DeferredName): Promise<void> {
    this.#add({ name, brief: null });
    return this.#write();
  }

  /** What it says of wanted names, newest first; the newest line about a message counts. */
  async *newestFirst(isWanted: IsWanted): AsyncIterable<readonly CatalogueLine[]> {
    await this.#write();
    if (this.#isBroken) await this.#inTurn(() => this.#beginAnew());
    const { files } = this.#init;
    let fd: number | null = null;
    try {
      fd = await files.openRead(this.#path);
      yield* newestFirst(files, { fd, end: await files.sizeBytes(fd), isWanted });
    } catch (error) {
      if (!isMissing(error)) this.#init.log.warn({ error: String(error) }, "spool: the catalogue cannot be read");
    } finally {
      if (fd !== null) await files.close(fd);
    }
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#write();
    await this.#inTurn(() => this.#release());
  }

  get #path(): string {
    return this.#init.layout.catalogue;
  }

  #add(line: CatalogueLine): void {
    if (this.#isBroken) return;
    const text = renderLine(line);
    this.#lines.push(text);
    this.#bytes += text.length;
  }

  /** Never rejects. */
  #write(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#lines.length === 0) return this.#tail;
    return this.#inTurn(async () => {
      const bytes = Buffer.from(this.#lines.join(""));
      this.#lines = [];
      this.#bytes = 0;
      if (bytes.length === 0 || this.#isBroken) return;
      const fd = this.#fd ?? (await this.#open());
      await this.#init.files.write(fd, [bytes], this.#end);
      this.#end += bytes.length;
      if (this.#end > this.#limitBytes && this.#end > this.#fairBytes) await this.#writeAnew(fd);
    });
  }

  get #fairBytes(): number {
    return floorBytes + this.#init.filed.size * bytesPerMessage;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work).catch((error: unknown) => this.#drop(error));
    return this.#tail;
  }

  async #open(): Promise<number> {
    const { files } = this.#init;
    try {
      this.#fd = await files.create(this.#path);
      this.#end = 0;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      this.#fd = await files.openWrite(this.#path, "buffered");
      this.#end = await files.sizeBytes(this.#fd);
      // Whatever was cut off ends here.
      await files.write(this.#fd, [Buffer.from("\n")], this.#end);
      this.#end += 1;
    }
    return this.#fd;
  }

  async #release(): Promise<void> {
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) await this.#init.files.close(fd);
  }

  /** Only the newest line of each message, as far as it fits its name. */
  async #writeAnew(from: number): Promise<void> {
    const { files, filed } = this.#init;
    const path = `${this.#path}.new`;
    await ignoreMissing(files.unlink(path));
    const fd = await files.create(path);
    let end = 0;
    const seen = new IdTable();
    try {
      const isWanted: IsWanted = ({ id, dueAt }) => filed.get(id) === dueAt;
      for await (const lines of newestFirst(files, { fd: from, end: this.#end, isWanted })) {
        const texts: string[] = [];
        for (const line of lines) {
          if (seen.get(line.name.id) !== null) continue;
          seen.set(line.name.id, 1);
          if (line.brief) texts.push(renderLine(line));
        }
        const bytes = Buffer.from(texts.join(""));
        if (bytes.length === 0) continue;
        await files.write(fd, [bytes], end);
        end += bytes.length;
      }
      await files.rename(path, this.#path);
    } catch (error) {
      await files.close(fd);
      throw error;
    }
    await this.#release();
    this.#fd = fd;
    this.#end = end;
    this.#limitBytes = end * 2;
  }

  /** It may say what is not so any more: away with it. */
  async #drop(error: unknown): Promise<void> {
    this.#isBroken = true;
    this.#lines = [];
    this.#bytes = 0;
    this.#init.log.warn({ error: String(error) }, "spool: the catalogue has been dropped, the next list takes longer");
    try {
      await this.#release();
      await ignoreMissing(this.#init.files.unlink(this.#path));
    } catch (cause) {
      this.#init.log.warn(
        { error: String(cause) },
        "spool: the catalogue cannot be removed, a list may be out of date",
      );
    }
  }

  async #beginAnew(): Promise<void> {
    await ignoreMissing(this.#init.files.unlink(this.#path));
    this.#isBroken = false;
  }
}
