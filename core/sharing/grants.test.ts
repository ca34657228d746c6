/** Hints about who shares with whom: found, forgotten, never trusted for what they are not. */
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keptLog } from "../testing/kernel.ts";
import { Grants } from "./grants.ts";

describe("grants", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "postern-grants-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const open = () => new Grants(directory, keptLog().log);
  const files = async () =>
    (await readdir(directory, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());

  it("are found by whom they are about, in every process", async () => {
    const [one, other] = [open(), open()];
    expect(await other.ownersFor(["user=bob"])).toEqual([]);
    await one.note("ann", ["user=bob", "group=staff"]);
    await one.note("cid", ["user=bob", "anyone"]);
    expect(await other.ownersFor(["user=bob", "anyone"])).toEqual(["ann", "cid"]);
    expect(await other.ownersFor(["user=dan", "group=staff"])).toEqual(["ann"]);
    expect(await other.ownersFor(["user=dan"])).toEqual([]);
  });

  it("stay while they are new, and go when nothing is behind them", async () => {
    const grants = open();
    await grants.note("ann", ["user=bob"]);
    await grants.drop("ann", ["user=bob"]);
    expect(await grants.ownersFor(["user=bob"])).toEqual(["ann"]);
    const [hint] = await files();
    await utimes(join(hint?.parentPath ?? "", hint?.name ?? ""), new Date(1e12), new Date(1e12));
    await open().drop("ann", ["user=bob"]);
    expect(await open().ownersFor(["user=bob"])).toEqual([]);
    // Made again by the process that had made it before.
    await grants.note("ann", ["user=bob"]);
    expect(await open().ownersFor(["user=bob"])).toEqual(["ann"]);
  });

  it("are none where somebody else's file stands", async () => {
    const grants = open();
    await grants.note("ann", ["user=bob"]);
    const [hint] = await files();
    await writeFile(join(hint?.parentPath ?? "", hint?.name ?? ""), "eve");
    await writeFile(join(hint?.parentPath ?? "", "0".repeat(32)), "mallory");
    expect(await open().ownersFor(["user=bob"])).toEqual([]);
  });

  it("say so in the log where they cannot be kept, and do no harm", async () => {
    const { log, lines } = keptLog();
    await writeFile(join(directory, "file"), "");
    const grants = new Grants(join(directory, "file", "below"), log);
    await grants.note("ann", ["user=bob"]);
    expect(await grants.ownersFor(["user=bob"])).toEqual([]);
    expect(lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});
