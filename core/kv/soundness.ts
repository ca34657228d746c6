/**
 * Whether an environment can be opened. LMDB trusts its file: what is not as it left it ends the process. So its two meta pages are
 * read beforehand, and where there is a doubt (a process ended without a word, or the file is shorter than it should be), a
 * process of its own reads every entry and may die of it. That costs what a reading costs, and only after a crash.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";

/** What LMDB writes at the head of both meta pages; the page size stands there, too. */
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const HEAD_BYTES = 168;

/** After that it is left to its fate: it is large, and reading it has done no harm so far. */
const PATIENCE_MS = 20_000;

export type Soundness = "sound" | "doubtful" | "damaged";

export async function glance(file: string): Promise<Soundness> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, "r");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "sound";
    throw cause;
  }
  try {
    const { size } = await handle.stat();
    // LMDB fills an empty one.
    if (size === 0) return "sound";
    const head = Buffer.alloc(HEAD_BYTES);
    await handle.read(head, 0, HEAD_BYTES, 0);
    const pageBytes = head.readUInt32LE(PAGE_SIZE_AT);
    if (!isMeta(head) || pageBytes < 512 || pageBytes > 65_536 || size < 2 * pageBytes) return "damaged";
    const second = Buffer.alloc(HEAD_BYTES);
    await handle.read(second, 0, HEAD_BYTES, pageBytes);
    if (!isMeta(second)) return "damaged";
    const lastPage = [head, second].map((page) => page.readBigUInt64LE(LAST_PAGE_AT)).reduce((a, b) => (a > b ? a : b));
    // Pages at the end that were never filled need not be there.
    return BigInt(size) < (lastPage + 1n) * BigInt(pageBytes) ? "doubtful" : "sound";
  } finally {
    await handle.close();
  }
}

const isMeta = (page: Buffer): boolean =>
  page.readUInt32LE(MAGIC_AT) === MAGIC && page.readUInt32LE(VERSION_AT) === VERSION;

/** Reads everything that its tables hold. */
const READER = `
const [lmdb, path, ...tables] = process.argv.slice(1);
const { open } = await import(lmdb);
const binary = { keyEncoding: "binary", encoding: "binary" };
const root = open({ ...binary, path, readOnly: true, maxDbs: 8 });
for (const name of tables) {
  for (const entry of root.openDB(name, binary)?.getRange({}) ?? []) void entry.value.length;
}
process.exit(0);
`;

/** Resolves to `false` where reading it ended the reader. */
export async function canBeRead(directory: string, tables: readonly string[]): Promise<boolean> {
  const args = ["--input-type=module", "-e", READER, "--", import.meta.resolve("lmdb"), directory, ...tables];
  const reader = spawn(process.execPath, args, { stdio: "ignore", env: {} });
  const patience = setTimeout(() => reader.kill("SIGTERM"), PATIENCE_MS);
  try {
    const [code, signal] = (await once(reader, "exit")) as [number | null, string | null];
    return code === 0 || signal === "SIGTERM";
  } finally {
    clearTimeout(patience);
  }
}
