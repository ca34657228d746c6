// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how macros are written
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { definePlugin, routed, ServerFacts } from "postern/plugin";
import {
  addressOf,
  kernelWith,
  type MailFlow,
  openingOf,
  openMailFlow,
  openRelay,
  optionsOf,
  sendText,
  until,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import deliverPipe from "./index.ts";
import { runProgram } from "./run-program.ts";

/** Nothing runs as root unless it is said. */
const asMe = process.getuid?.() === 0 ? { user: "root" } : {};

interface Site {
  readonly directory: string;
  /** Writes a program for /bin/sh; `$OUT` is a file of the test. */
  script(name: string, ...lines: readonly string[]): Promise<string>;
  /** What is in a file; `""` if it is not there. */
  said(name?: string): Promise<string>;
}

async function site(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), "postern-pipe-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return {
    directory,
    async script(name, ...lines) {
      const path = join(directory, name);
      await writeFile(path, ["#!/bin/sh", `OUT=${directory}/out`, ...lines, ""].join("\n"));
      await chmod(path, 0o755);
      return path;
    },
    said: (name = "out") =>
      readFile(join(directory, name), "utf8").catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return "";
        throw cause;
      }),
  };
}

const toTool = definePlugin({
  name: "test-route",
  api: 1,
  setup: () => ({ hooks: { route: ({ address }) => routed("tool", address.domain) } }),
});

async function flowOf(pipe: object, more: { directory?: string } = {}): Promise<MailFlow> {
  const options = optionsOf(deliverPipe, { pipes: [{ name: "tool", ...asMe, ...pipe }] });
  const flow = await openMailFlow({ plugins: [openRelay, toTool, [deliverPipe, options]], ...more });
  onTestFinished(() => flow.close());
  return flow;
}

const message = "From: bob@example.net\nReturn-Path: <old@example.net>\nSubject: hello\n\nFrom here\n.\n";

describe("what a command gets", () => {
  it("the message with LF, the fields asked for and its arguments as they are", async () => {
    const { script, said } = await site();
    const program = await script(
      "tool",
      'for arg in "$@"; do printf "[%s]" "$arg" >>$OUT; done',
      "echo >>$OUT",
      "cat >>$OUT",
    );
    const flow = await flowOf({
      command: [
        program,
        "-f",
        "${sender}",
        "--to=${recipient}",
        "$user/$(extension)/${mailbox}",
        "$$x",
        "${domain} ${nexthop}",
        "`id` $$(id)",
      ],
      fields: ["returnPath", "originalTo", "deliveredTo"],
    });
    await sendText(flow, { to: ['"a; $(id)+x y"@example.com'], text: message });
    await flow.quiet();
    expect((await said()).split("\n").slice(0, 4)).toEqual([
      '[-f][bob@example.net][--to="a; $(id)+x y"@example.com][a; $(id)/x y/a; $(id)+x y][$x][example.com example.com][`id` $(id)]',
      "Return-Path: <bob@example.net>",
      'X-Original-To: "a; $(id)+x y"@example.com',
      'Delivered-To: "a; $(id)+x y"@example.com',
    ]);
    const content = await said();
    expect(content).not.toContain("old@example.net");
    expect(content).not.toContain("\r");
    expect(content.endsWith("Subject: hello\n\nFrom here\n.\n")).toBe(true);
  });

  it("CRLF, a From line and quoted Froms where it is said", async () => {
    const { script, said } = await site();
    const flow = await flowOf({ command: [await script("tool", "cat >$OUT")], lineEnds: "crlf", fields: ["fromLine"] });
    await sendText(flow, { opening: openingOf({ from: null }), to: ["ann@example.com"], text: message });
    await flow.quiet();
    const content = await said();
    expect(content).toMatch(/^From MAILER-DAEMON \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n/);
    expect(content).toContain("\r\n\r\n>From here\r\n.\r\n");
  });

  it("a clean environment in which nothing speaks to a shell", async () => {
    const { script, said } = await site();
    const flow = await flowOf({
      command: [await script("tool", "env >$OUT")],
      environment: { COLOUR: "blue" },
      directory: tmpdir(),
    });
    await sendText(flow, { opening: openingOf({ from: "`id`@example.net" }), to: ["ann+lists@example.com"] });
    await flow.quiet();
    const variables = Object.fromEntries((await said()).split("\n").map((line) => line.split("=", 2)));
    expect(variables).toMatchObject({
      COLOUR: "blue",
      USER: "ann",
      EXTENSION: "lists",
      DOMAIN: "example.com",
      SENDER: "_id_@example.net",
      RECIPIENT: "ann+lists@example.com",
      PWD: expect.stringContaining(tmpdir()),
    });
    expect(Object.keys(variables)).not.toContain("NODE_ENV");
    expect(Object.keys(variables)).not.toContain("VITEST");
  });

  it("one run for each recipient, or for several", async () => {
    for (const [maxRecipients, expected] of [
      [1, ["[ann@example.com]", "[bob@example.com]", "[carl@example.com]"]],
      [2, ["[ann@example.com][bob@example.com]", "[carl@example.com]"]],
    ] as const) {
      const { script, said } = await site();
      const program = await script("tool", 'for arg in "$@"; do printf "[%s]" "$arg" >>$OUT; done; echo >>$OUT');
      const flow = await flowOf({ command: [program, "${recipient}"], maxRecipients });
      await sendText(flow, { to: ["ann@example.com", "bob@example.com", "carl@example.com"] });
      await flow.quiet();
      expect((await said()).trim().split("\n").sort()).toEqual(expected);
    }
  });

  it("more than a pipe holds, which it need not read", async () => {
    const { script, said } = await site();
    const big = `Subject: x\n\n${"0123456789\n".repeat(200_000)}`;
    const flow = await flowOf({
      command: [await script("tool", "case $1 in all@*) wc -c >>$OUT;; *) echo none >>$OUT;; esac"), "${recipient}"],
    });
    await sendText(flow, { to: ["all@example.com", "none@example.com"], text: big });
    await flow.quiet();
    const [first = "", second = ""] = (await said()).trim().split("\n").sort();
    expect([Number(first) > 2_200_000, second]).toEqual([true, "none"]);
    expect(flow.lines.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("how it ends", () => {
  const outcomeOf = async (lines: readonly string[], pipe: object = {}, to = "ann@example.com", text?: string) => {
    const { script, directory } = await site();
    const program = await script("tool", ...lines);
    const settled: { at: string; code: number; status: string | null; text: string }[] = [];
    const watcher = definePlugin({
      name: "test-watcher",
      api: 1,
      setup: () => ({
        hooks: {
          settled: (_delivery, _recipient, { at, reply: { code, status, text } }) => {
            settled.push({ at, code, status, text });
          },
        },
      }),
    });
    const options = optionsOf(deliverPipe, {
      pipes: [{ name: "tool", command: [program, "${recipient}"], ...asMe, ...pipe }],
    });
    const flow = await openMailFlow({ plugins: [openRelay, toTool, [deliverPipe, options], watcher] });
    onTestFinished(() => flow.close());
    await sendText(flow, { opening: openingOf({ from: null }), to: [to], ...(text === undefined ? {} : { text }) });
    await flow.quiet();
    return { outcome: settled[0], flow, directory };
  };

  it.each([
    [["exit 0"], "delivered", "2.0.0", "delivered via tool"],
    [["echo stored as 17"], "delivered", "2.0.0", "delivered via tool (stored as 17)"],
    [["exit 75"], "deferred", "4.3.0", "temporary failure"],
    [["exit 67"], "failed", "5.1.1", "user unknown"],
    [["exit 69"], "failed", "5.3.0", "service unavailable"],
    [["exit 77"], "failed", "5.7.0", "permission denied"],
    [["echo mailbox is closed; exit 73"], "failed", "5.2.0", "mailbox is closed"],
    [["echo 5.7.1 not for you >&2; exit 1"], "failed", "5.7.1", "not for you"],
    [["echo 4.2.2 full; exit 69"], "deferred", "4.2.2", "full"],
    [["exit 1"], "deferred", "4.3.0", "the command ended with 1"],
    [["exit 127"], "deferred", "4.3.0", "the command ended with 127"],
    [["kill -SEGV $$"], "deferred", "4.3.0", "The command was ended by SIGSEGV"],
    [["printf 'a\\033[1m\\r\\nb'; exit 67"], "failed", "5.1.1", "a [1m b"],
  ])("%j: %s %s %s", async (lines, at, status, text) => {
    expect((await outcomeOf(lines)).outcome).toMatchObject({ at, status, text });
  });

  it("takes too long: it is killed with all that it has started", async () => {
    const { outcome, directory } = await outcomeOf(["sleep 1000 & echo $! >$OUT.pid", "wait"], { timeLimit: "1500ms" });
    expect(outcome).toMatchObject({ at: "deferred", status: "4.3.0", text: "The command took too long" });
    const pid = Number(await readFile(join(directory, "out.pid"), "utf8"));
    await until(() => !isAlive(pid));
  });

  it("a program that has exited is not taken for stopped while its outputs are still open", async () => {
    const { script, directory } = await site();
    const program = await script("tool", "sleep 1000 & echo $! >$OUT.pid", "echo $$ >$OUT.own", "exit 0");
    const stop = new AbortController();
    const ended = runProgram({
      ...{ argv: [program], owner: null, directory, environment: {}, timeLimitMs: 600_000, signal: stop.signal },
      content: async function* () {},
    });
    const path = join(directory, "out.own");
    await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
    const own = Number(readFileSync(path, "utf8"));
    await until(() => !isAlive(own));
    stop.abort();
    expect(await ended).toMatchObject({ at: "exited", code: 0 });
  });

  it("what it leaves behind holds nobody up", async () => {
    const { outcome, directory } = await outcomeOf(["sleep 1000 & echo $! >$OUT.pid", "exit 0"]);
    expect(outcome).toMatchObject({ at: "delivered" });
    process.kill(Number(await readFile(join(directory, "out.pid"), "utf8")));
  });

  it("says a lot: the rest is thrown away", async () => {
    const { outcome } = await outcomeOf(["yes x | head -c 5000000; exit 67"]);
    expect(outcome?.at).toBe("failed");
    expect(outcome?.text.length).toBeLessThanOrEqual(400);
  });

  it("a program that is not there puts the mail off, and the log says so", async () => {
    const { outcome, flow } = await outcomeOf([], { command: ["/nowhere/tool"] });
    expect(outcome).toMatchObject({ at: "deferred", status: "4.3.5", text: "The command cannot be run now" });
    expect(flow.lines).toContainEqual(
      expect.objectContaining({ level: "error", fields: expect.objectContaining({ program: "/nowhere/tool" }) }),
    );
  });

  it("a message that is too large is returned", async () => {
    const { outcome } = await outcomeOf(["exit 0"], { maxSize: 100 }, undefined, `Subject: x\n\n${"x".repeat(200)}\n`);
    expect(outcome).toMatchObject({ at: "failed", code: 552, status: "5.3.4" });
  });

  it("an address that begins with a dash never becomes an option, unless that is allowed", async () => {
    expect((await outcomeOf(["exit 0"], {}, "-x@example.com")).outcome).toMatchObject({
      at: "failed",
      status: "5.1.3",
    });
    expect((await outcomeOf(["exit 0"], { allowDash: true }, "-x@example.com")).outcome).toMatchObject({
      at: "delivered",
    });
  });

  it("a message that was here before is in a loop", async () => {
    const text = "Delivered-To: Ann@example.com\nSubject: x\n\nx\n";
    const { outcome } = await outcomeOf(["exit 0"], { fields: ["deliveredTo"] }, "ann@example.com", text);
    expect(outcome).toMatchObject({ at: "failed", status: "5.4.6" });
  });
});

it("a crash while it runs repeats that run only", async () => {
  const { script, said, directory } = await site();
  // The first run for bob never ends.
  const program = await script(
    "tool",
    'echo "$1" >>$OUT',
    `[ "$1" = bob@example.com ] && [ ! -e ${directory}/again ] && { echo $$ >${directory}/pid; exec sleep 1000; }`,
    "exit 0",
  );
  const options = optionsOf(deliverPipe, { pipes: [{ name: "tool", command: [program, "${recipient}"], ...asMe }] });
  const plugins = [openRelay, toTool, [deliverPipe, options]] as const;
  const before = await openMailFlow({ plugins });
  onTestFinished(() => rm(before.directory, { recursive: true, force: true }));
  await sendText(before, { to: ["ann@example.com", "bob@example.com"] });
  const isThere = (name: string) => said(name).then((text) => text.endsWith("\n"));
  while (!(await isThere("pid"))) await nextTurn();
  await writeFile(join(directory, "again"), "");
  const stopped = before.crash();
  process.kill(Number(await said("pid")), "SIGKILL");
  await stopped;
  const after = await openMailFlow({ plugins, directory: before.directory, clock: before.clock });
  onTestFinished(() => after.close());
  after.clock.advance(3_600_000);
  await after.quiet();
  expect((await said()).trim().split("\n")).toEqual(["ann@example.com", "bob@example.com", "bob@example.com"]);
});

describe("options", () => {
  const facts = {
    hostname: "mx.example.org",
    dataDir: "/",
    origin: "example.org",
    postmaster: addressOf("postmaster@example.org"),
    recipientDelimiter: "+",
    version: "0",
  };
  const checked = async (...pipes: readonly object[]) => {
    const kernel = await kernelWith({ services: [[ServerFacts, facts]] }, [
      deliverPipe,
      optionsOf(deliverPipe, {
        pipes: pipes.map((pipe) => ({ name: "tool", command: ["/bin/true"], ...asMe, ...pipe })),
      }),
    ]);
    return (await kernel.check()).map(({ text }) => text);
  };

  it("good ones are nothing to talk about", async () => {
    expect(await checked({})).toEqual([]);
  });

  it.each([
    [{ command: ["/nowhere/x"] }, /does not exist/],
    [{ directory: "/nowhere" }, /no directory/],
    [{ user: "nobody-at-all" }, /no user/],
    [{ user: "root:no-such-group" }, /no group/],
  ])("%j", async (pipe, text) => {
    expect(await checked(pipe)).toContainEqual(expect.stringMatching(text));
  });

  it.runIf(process.getuid?.() === 0)("nothing runs as root by itself", async () => {
    expect(await checked({ user: undefined })).toEqual([expect.stringMatching(/has no user/)]);
  });

  it.each([
    [{ command: ["true"] }, /absolute/],
    [{ command: ["/bin/true", "${whom}"] }, /no \$\{whom\}; there are/],
    [{ command: ["/bin/true", "5 $"] }, /dollar/],
    [{ maxRecipients: 2, fields: ["deliveredTo"] }, /maxRecipients/],
  ])("%j keeps it from starting", async (pipe, text) => {
    await expect(checked(pipe)).rejects.toThrow(text);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
