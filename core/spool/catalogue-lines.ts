/**
 * The catalogue's text: `<checksum> <name of the file> <brief as JSON, or - >`, a line each. The newest line about a message counts,
 * so it is read from its end. A line that is torn or damaged is as good as none. Bounded memory whatever the file is.
 */
import { crc32 } from "node:zlib";
import type { Brief } from "./brief.ts";
import type { SpoolFiles } from "./files.ts";
import { type DeferredName, deferredFileName, parseDeferredName } from "./layout.ts";

export interface CatalogueLine {
  readonly name: DeferredName;
  /** `null`: what earlier lines say of this name does not hold any more. */
  readonly brief: Brief | null;
}

/** Read at once: others have their turn between two of them, and what was made of one is garbage before the next. */
const chunkBytes = 128 * 1024;
const longestLineBytes = 1024 * 1024;
const checksumChars = 8;
const newline = 0x0a;
const space = 0x20;

export function renderLine({ name, brief }: CatalogueLine): string {
  const text = `${deferredFileName(name)} ${brief ? JSON.stringify(brief) : "-"}`;
  return `${crc32(text).toString(16).padStart(checksumChars, "0")} ${text}\n`;
}

/** `isWanted` spares the parsing of what is of no use. */
export type IsWanted = (name: DeferredName) => boolean;

export async function* newestFirst(
  files: Pick<SpoolFiles, "read">,
  { fd, end, isWanted }: { readonly fd: number; readonly end: number; readonly isWanted: IsWanted },
): AsyncIterable<readonly CatalogueLine[]> {
  let rest: Buffer = Buffer.alloc(0);
  for (let to = end; to > 0; ) {
    const from = Math.max(0, to - chunkBytes);
    const chunk = Buffer.allocUnsafe(to - from);
    const bytes = Buffer.concat([chunk.subarray(0, await files.read(fd, chunk, from)), rest]);
    to = from;
    // What stands before the first line end begins further ahead in the file.
    const begin = from === 0 ? 0 : bytes.indexOf(newline) + 1;
    rest = begin === 0 ? bytes : bytes.subarray(0, begin);
    if (rest.length > longestLineBytes) rest = Buffer.alloc(0);
    if (begin > 0 || from === 0) yield linesIn(bytes.subarray(begin), isWanted);
  }
}

function linesIn(bytes: Buffer, isWanted: IsWanted): readonly CatalogueLine[] {
  const lines: CatalogueLine[] = [];
  for (let end = bytes.length; end > 0; ) {
    // A negative place would be counted from the end.
    const begin = end < 2 ? 0 : bytes.lastIndexOf(newline, end - 2) + 1;
    const line = end - begin > checksumChars + 2 ? parseLine(bytes.subarray(begin, end - 1), isWanted) : null;
    if (line) lines.push(line);
    end = begin;
  }
  return lines;
}

/** Once for each of a million: what can be told from a few octets is told first. */
function parseLine(line: Buffer, isWanted: IsWanted): CatalogueLine | null {
  const nameFrom = checksumChars + 1;
  const nameEnd = line.indexOf(space, nameFrom);
  if (nameEnd === -1) return null;
  const name = parseDeferredName(line.toString("latin1", nameFrom, nameEnd));
  if (!name || !isWanted(name)) return null;
  if (crc32(line.subarray(nameFrom)) !== Number.parseInt(line.toString("latin1", 0, checksumChars), 16)) return null;
  const text = line.toString("utf8", nameEnd + 1);
  try {
    return { name, brief: text === "-" ? null : (JSON.parse(text) as Brief) };
  } catch {
    // The checksum fits, and yet it is none of ours: as good as none.
    return null;
  }
}
