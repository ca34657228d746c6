/** `postern map`: tables asked from the command line. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "./program.ts";

let site: string;
beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-map-"));
  await writeFile(join(site, "virtual"), "a@example.org one\nb two\n@example.net all\nbroken\n");
  await writeFile(join(site, "headers.pcre"), "/^Subject: (.*)$/ WARN $1\n/(/ x\n");
  await writeFile(join(site, "postern.config.yaml"), "hostname: mx.example.org\norigin: example.org\nlisteners: []\n");
});
afterAll(() => rm(site, { recursive: true, force: true }));

async function postern(args: readonly string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await run(args, { out, err, in: Readable.from([Buffer.from(input)]), cwd: site });
  out.end();
  err.end();
  return { code, out: await text(out), err: await text(err) };
}

describe("postern map query", () => {
  it("prints the value and ends with 0, or prints nothing and ends with 1", async () => {
    expect(await postern(["map", "query", "hash:virtual", "A@example.org"])).toMatchObject({ code: 0, out: "one\n" });
    expect(await postern(["map", "query", "-q", "hash:virtual", "c"])).toMatchObject({ code: 1, out: "" });
  });

  it("says what is wrong with the table on the way", async () => {
    const { err } = await postern(["map", "query", "hash:virtual", "b"]);
    expect(err).toContain("virtual:4: ");
  });

  it("reads keys from standard input", async () => {
    const { code, out } = await postern(["map", "query", "hash:virtual", "-"], "b\nc\na@example.org\n");
    expect({ code, out }).toEqual({ code: 0, out: "b\ttwo\na@example.org\tone\n" });
    expect(await postern(["map", "query", "hash:virtual", "-"], "c\n")).toMatchObject({ code: 1, out: "" });
  });

  it("shows which key answered when it asks as a plugin does", async () => {
    const asks = (...args: string[]) => postern(["map", "query", ...args]);
    expect(await asks("--as", "virtual", "hash:virtual", "x+y@example.net")).toMatchObject({
      out: "@example.net\tall\n",
    });
    expect(await asks("--as", "access", "inline:{ <>=null }", "<>")).toMatchObject({ out: "<>\tnull\n" });
    expect(await asks("--as", "host", "inline:{ .example.org=x }", "a.b.example.org")).toMatchObject({
      out: ".example.org\tx\n",
    });
    expect(await asks("--as", "client", "inline:{ 192.0=x }", "192.0.2.1")).toMatchObject({ out: "192.0\tx\n" });
  });

  it("tells what cannot answer from what has no answer", async () => {
    expect((await postern(["map", "query", "hash:nowhere", "a"])).code).toBeGreaterThan(1);
    expect((await postern(["map", "query", "fail:x", "a"])).code).toBeGreaterThan(1);
    expect(await postern(["map", "query", "--as", "alphabet", "hash:virtual", "a"])).toMatchObject({ code: 64 });
    expect(await postern(["map", "query", "--as", "access", "hash:virtual", "a"])).toMatchObject({ code: 64 });
  });
});

it("postern map check lists bad lines", async () => {
  expect(await postern(["map", "check", "pcre:headers.pcre"])).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^pcre:headers\.pcre:2: /),
  });
  expect(await postern(["map", "check", "inline:{ a=b }"])).toMatchObject({ code: 0, out: "" });
  const union = await postern(["map", "check", "unionmap:{hash:virtual, pcre:headers.pcre}"]);
  expect(union.out.split("\n")).toHaveLength(3);
});

it("postern check says them as well, of every table that a plugin has opened", async () => {
  const plugins = "plugins:\n  - alias-virtual: { maps: ['hash:virtual'] }\n";
  await writeFile(
    join(site, "with-maps.yaml"),
    `hostname: mx.example.org\nlisteners: [{ role: mx, host: 127.0.0.1, port: 0 }]\n${plugins}`,
  );
  const { out } = await postern(["check", "--config", "with-maps.yaml"]);
  expect(out).toMatch(/^warning: hash:virtual:4: /m);
});
