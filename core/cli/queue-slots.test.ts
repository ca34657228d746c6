/** `postern queue` over several slots: of workers that run, of files, of both. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueueDesk } from "../app/queue-desk.ts";
import { type MailFlow, openingOf, openMailFlow, sendText } from "../testing/mail-flow.ts";
import { openRelay, outcomes, recording } from "../testing/mail-plugins.ts";
import { run } from "./program.ts";

const closing: (() => unknown)[] = [];
let site: string;

beforeEach(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-cli-slots-"));
  closing.push(() => rm(site, { recursive: true, force: true }));
  await mkdir(join(site, "data", "spool"), { recursive: true });
  await writeFile(
    join(site, "postern.config.yaml"),
    "hostname: mx.example.org\ndataDir: data\nlisteners: [{ role: mx, host: 127.0.0.1, port: 0 }]\nplugins: [deliver-smtp]\n",
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function ran(...args: readonly string[]): Promise<{ code: number; out: Buffer; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([buffer(out), text(err)]);
  const code = await run(["queue", ...args], { out, err, in: Readable.from([]), cwd: site });
  out.end();
  err.end();
  const [said, complained] = await texts;
  return { code, out: said, err: complained };
}
const queue = async (...args: readonly string[]) => {
  const { out, ...rest } = await ran(...args);
  return { ...rest, out: out.toString() };
};
const lines = ({ out }: { readonly out: string }) => out.trim().split("\n").sort();

interface Slot {
  readonly flow: MailFlow;
  readonly ids: readonly string[];
}

/** A spool where nothing gets through. */
async function slot(number: number, { isRunning, messages }: { isRunning: boolean; messages: number }): Promise<Slot> {
  const { plugin } = recording(() => outcomes.deferred);
  const flow = await openMailFlow({ plugins: [openRelay, plugin] });
  const ids: string[] = [];
  for (let n = 0; n < messages; n += 1) {
    const opening = openingOf({ from: `from-${number}-${n}@example.org` });
    const { submitted } = await sendText(flow, { opening, to: [`to-${n}@example.net`] });
    if (submitted.at === "queued") ids.push(submitted.id);
  }
  await flow.quiet();
  const slotDirectory = join(site, "data", "spool", String(number));
  await symlink(join(flow.directory, "spool"), slotDirectory);
  if (!isRunning) await flow.crash();
  else {
    closing.push(() => flow.close());
    const desk = await openQueueDesk({ ...flow, slotDirectory });
    closing.push(() => desk?.close());
  }
  return { flow, ids };
}

describe.each([
  ["two workers", true, true],
  ["a worker and files", true, false],
  ["files", false, false],
] as const)("the slots of %s", (_, first, second) => {
  it("are listed together, whole row by whole row, with one head and one sum", async () => {
    const [one, two] = [
      await slot(0, { isRunning: first, messages: 3 }),
      await slot(1, { isRunning: second, messages: 4 }),
    ];
    const ids = [...one.ids, ...two.ids].sort();
    expect(lines(await queue("list", "-q"))).toEqual(ids);
    const table = await queue("list");
    expect(table.out.match(/^ID /gm)?.length).toBe(1);
    expect(table.out.match(/^7 messages, /gm)?.length).toBe(1);
    expect(table.out.match(/^\w+ +waiting .*@example\.net$/gm)?.length).toBe(7);
    expect(lines(await queue("list", "--json")).map((line) => JSON.parse(line).id)).toEqual(ids);
  });

  it("share a limit", async () => {
    await slot(0, { isRunning: first, messages: 2 });
    await slot(1, { isRunning: second, messages: 2 });
    for (const limit of [1, 2, 3]) expect(lines(await queue("list", "-q", "--limit", `${limit}`)).length).toBe(limit);
    expect((await queue("list", "--limit", "3")).out).toContain("\n3 messages, ");
    expect(lines(await queue("list", "-q", "--limit", "9")).length).toBe(4);
  });

  it("each act on what is theirs: by a filter, and by ids that stand anywhere", async () => {
    const one = await slot(0, { isRunning: first, messages: 2 });
    const two = await slot(1, { isRunning: second, messages: 2 });
    expect(await queue("hold", "--sender", "*-0@*", "--yes")).toMatchObject({ code: 0, out: "2 messages held\n" });
    expect(lines(await queue("list", "-q", "--state", "held"))).toEqual([one.ids[0], two.ids[0]].sort());
    // What is held is not held again.
    expect((await queue("hold", "--all", "--yes")).out).toBe("2 messages held\n");
    expect((await queue("release", "--all", "--state", "waiting", "--yes")).out).toBe("0 messages released\n");
    const named = await queue("delete", ...one.ids, ...two.ids, "nosuchid", "--yes");
    expect(named).toMatchObject({
      ...{ code: 1, out: "4 messages deleted\n" },
      err: "nosuchid: no such message, or not any more\n",
    });
    expect((await queue("list", "-q")).out).toBe("");
  });
});

it("hands content over octet by octet", async () => {
  const { flow, ids } = await slot(0, { isRunning: true, messages: 1 });
  const kept = (await flow.spool.read(ids[0] ?? ""))?.message;
  const pieces: Uint8Array[] = [];
  for await (const piece of kept?.content() ?? []) pieces.push(piece as Uint8Array);
  expect((await ran("show", ids[0] ?? "", "--content")).out).toEqual(Buffer.concat(pieces));
});

it("says so where a slot cannot answer, and does not take it for an empty one", async () => {
  await slot(0, { isRunning: true, messages: 1 });
  const directory = join(site, "data", "spool", "1");
  await mkdir(directory);
  // A server of another version, that says what nobody here knows.
  const old = createServer((socket) => socket.end('{"is":"messages","messages":[]}\n{"is":"done"}\n'));
  await new Promise<void>((resolve) => old.listen(join(directory, "control"), resolve));
  closing.push(() => old.close());
  expect(await queue("list")).toMatchObject({ code: 70, err: expect.stringContaining("is of another version") });
});

it("ends when a slot fails, and waits for no other", async () => {
  const directories = ["0", "1"].map((name) => join(site, "data", "spool", name));
  const silent = createServer(() => undefined);
  const broken = createServer((socket) => socket.end('{"is":"wrong","reason":"the disk is on fire"}\n'));
  for (const [at, server] of [silent, broken].entries()) {
    await mkdir(directories[at] ?? "");
    await new Promise<void>((resolve) => server.listen(join(directories[at] ?? "", "control"), resolve));
    closing.push(() => server.close());
  }
  expect(await queue("list")).toMatchObject({ code: 70, err: "postern: slot 1: the disk is on fire\n" });
});
