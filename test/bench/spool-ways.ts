/**
 * Ways to keep a message, without any server around them: what ADR 2 was decided by. `npx tsx test/bench/spool-ways.ts`;
 * `DIR` picks the disk, `SIZE` the bytes of a message, `COUNT` how many.
 */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const count = Number(process.env.COUNT ?? 4000);
const sizeBytes = Number(process.env.SIZE ?? 1024);
const base = fs.mkdtempSync(join(process.env.DIR ?? tmpdir(), "postern-ways-"));
const fsync = promisify(fs.fsync);
const mebibyte = 1024 * 1024;

interface Way {
  keep(message: Buffer): Promise<void>;
  close(): void;
}

function zeroed(path: string): void {
  const fd = fs.openSync(path, "w");
  for (let at = 0; at < 64; at += 1) fs.writeSync(fd, Buffer.alloc(mebibyte));
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}

type Flush = (fd: number, pieces: Buffer[], at: number, done: (error: Error | null) => void) => void;
const flushes: Record<string, Flush> = {
  "write, fdatasync": (fd, pieces, at, done) => {
    fs.writevSync(fd, pieces, at);
    fs.fdatasync(fd, done);
  },
  "pooled write, fdatasync": (fd, pieces, at, done) =>
    fs.writev(fd, pieces, at, (error) => (error ? done(error) : fs.fdatasync(fd, done))),
  O_DSYNC: (fd, pieces, at, done) => fs.writev(fd, pieces, at, (error) => done(error)),
};

/** Group commit with `lanes` flushes at a time. */
function journal(path: string, how: string, lanes: number): Way {
  const flags = how === "O_DSYNC" ? fs.constants.O_RDWR | fs.constants.O_DSYNC : fs.constants.O_RDWR;
  const all = Array.from({ length: lanes }, () => fs.openSync(path, flags));
  const free = [...all];
  let waiting: { readonly message: Buffer; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    [];
  let position = 0;
  const flush = () => {
    const fd = waiting.length > 0 ? free.pop() : undefined;
    if (fd === undefined) return;
    const batch = waiting.splice(0, 1000);
    const pieces = batch.map((one) => one.message);
    const at = position > 60 * mebibyte ? 0 : position;
    position = at + batch.length * sizeBytes;
    flushes[how]?.(fd, pieces, at, (error) => {
      free.push(fd);
      for (const { resolve, reject } of batch) error ? reject(error) : resolve();
      setImmediate(flush);
    });
  };
  return {
    keep: (message) =>
      new Promise((resolve, reject) => {
        waiting.push({ message, resolve, reject });
        setImmediate(flush);
      }),
    close() {
      waiting = [];
      for (const fd of all) fs.closeSync(fd);
    },
  };
}

function fileEach(directory: string): Way {
  fs.mkdirSync(directory);
  const names = fs.openSync(directory, "r");
  let next = 0;
  return {
    async keep(message) {
      const path = join(directory, String(next++));
      const fd = fs.openSync(path, "wx", 0o600);
      fs.writeSync(fd, message);
      await fsync(fd);
      fs.closeSync(fd);
      await fsync(names);
      fs.unlinkSync(path);
    },
    close: () => fs.closeSync(names),
  };
}

async function measure(name: string, open: (path: string) => Way): Promise<void> {
  const figures: string[] = [];
  for (const [index, atOnce] of [1, 10, 100].entries()) {
    const way = open(join(base, `${name.replaceAll(/\W+/g, "-")}-${index}`));
    const message = Buffer.alloc(sizeBytes, "x");
    let left = atOnce === 1 ? Math.min(count, 1500) : count;
    const total = left;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const sender = async () => {
      while (left-- > 0) await way.keep(message);
    };
    await Promise.all(Array.from({ length: atOnce }, sender));
    const rate = Math.round((total * 1000) / (performance.now() - start));
    const { user, system } = process.cpuUsage(cpu);
    figures.push(`${atOnce}: ${rate}/s (${Math.round((user + system) / total)} us CPU)`);
    way.close();
  }
  console.log(`${name.padEnd(44)} ${figures.join("   ")}`);
}

const inZeros =
  (how: string, lanes = 1) =>
  (path: string) => {
    zeroed(path);
    return journal(path, how, lanes);
  };
const growing = (how: string) => (path: string) => {
  fs.writeFileSync(path, "");
  return journal(path, how, 1);
};

await measure("one file a message", fileEach);
await measure("journal, grows: write, fdatasync", growing("write, fdatasync"));
for (const how of Object.keys(flushes)) await measure(`journal, zeroed: ${how}`, inZeros(how));
await measure("journal, zeroed: O_DSYNC, two lanes", inZeros("O_DSYNC", 2));
fs.rmSync(base, { recursive: true });
