/** MIME structures of messages that were asked for, the latest ones. A message never changes, so neither does its structure. */
import { parseStructure, parseStructureStream, type Structure } from "postern/mail";
import { messageBytes, messageStream } from "./content.ts";
import { storeError } from "./errors.ts";
import type { MessageFile } from "./message-file.ts";

const IN_MEMORY_BYTES = 512 * 1024;
const MAX_PARTS = 50_000;

const partsOf = (structure: Structure): number => {
  let parts = 1 + (structure.message ? partsOf(structure.message) : 0);
  for (const child of structure.children) parts += partsOf(child);
  return parts;
};

export class StructureCache {
  readonly #known = new Map<string, { readonly structure: Structure; readonly parts: number }>();
  #parts = 0;

  async of(file: MessageFile): Promise<Structure> {
    const key = `${file.directory}/${file.base}`;
    const known = this.#known.get(key);
    if (known) {
      this.#known.delete(key);
      this.#known.set(key, known);
      return known.structure;
    }
    const structure = await parse(file);
    if (!this.#known.has(key)) this.#keep(key, structure);
    return structure;
  }

  #keep(key: string, structure: Structure): void {
    const parts = partsOf(structure);
    this.#known.set(key, { structure, parts });
    this.#parts += parts;
    for (const [oldest, { parts: freed }] of this.#known) {
      if (this.#parts <= MAX_PARTS) break;
      this.#known.delete(oldest);
      this.#parts -= freed;
    }
  }
}

async function parse(file: MessageFile): Promise<Structure> {
  const bytes = await messageBytes(file, IN_MEMORY_BYTES);
  if (bytes) return parseStructure(bytes);
  try {
    return await parseStructureStream(messageStream(file, null));
  } catch (cause) {
    throw storeError(cause);
  }
}
