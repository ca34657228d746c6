import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accept, definePlugin, found, type LocalCommand, LocalCommands, proceed } from "postern/plugin";
import {
  addressOf,
  type MailFlow,
  offerOf,
  openingOf,
  openMailFlow,
  optionsOf,
  outcomes,
  recording,
  type Sent,
  sendText,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import aliasSystem from "./index.ts";

const isRoot = process.getuid?.() === 0;

type Ran = Omit<LocalCommand, "for"> & { readonly for: string };

/** Remembers the commands that it should run; those in /nowhere cannot be run. */
const runner = (ran: Ran[]) =>
  definePlugin({
    name: "test-runner",
    api: 1,
    provides: { commands: LocalCommands },
    setup: () => ({
      provides: {
        commands: {
          async run(_delivery, _recipient, command) {
            if (command.argv[0].startsWith("/nowhere")) return outcomes.deferred;
            ran.push({ ...command, for: String(command.for) });
            return outcomes.delivered;
          },
        },
      },
    }),
  });

interface Site {
  readonly directory: string;
  write(name: string, ...lines: readonly string[]): Promise<string>;
  read(name: string): Promise<string>;
  /** `{}` in options and files stands for the directory. */
  open(
    options?: object,
  ): Promise<{
    readonly flow: MailFlow;
    readonly delivered: ReturnType<typeof recording>["delivered"];
    readonly ran: readonly Ran[];
  }>;
}

/** ann, bob and carl live at example.org, each with a home; mail for everybody else is recorded. */
async function site(...aliases: readonly string[]): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), "postern-alias-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const home = (name: string) => join(directory, "home", name);
  for (const name of ["ann", "bob", "carl"]) await mkdir(home(name), { recursive: true });
  const people = definePlugin({
    name: "test-directory",
    api: 1,
    setup: () => ({
      hooks: {
        findAccount(query) {
          const name = "address" in query ? query.address.localPart : "";
          const isHere = "address" in query && query.address.domain === "example.org";
          if (!isHere || !["ann", "bob", "carl"].includes(name)) return proceed;
          const address = addressOf(`${name}@example.org`);
          return found({ login: String(address), addresses: [address], home: home(name), quotaBytes: null });
        },
        findDomain: ({ domain }) => (domain === "example.org" ? accept("served") : proceed),
      },
    }),
  });
  const made: Site = {
    directory,
    async write(name, ...lines) {
      const path = join(directory, name);
      await writeFile(path, `${lines.join("\n").replaceAll("{}", directory)}\n`);
      return path;
    },
    read: (name) => readFile(join(directory, name), "utf8"),
    async open(options = {}) {
      const { plugin, delivered } = recording();
      const ran: Ran[] = [];
      const whole = { maps: [`aliases:${join(directory, "aliases")}`], ...options };
      const flow = await openMailFlow({
        plugins: [people, [aliasSystem, optionsOf(aliasSystem, whole)], runner(ran), plugin],
      });
      onTestFinished(() => flow.close());
      return { flow, delivered, ran };
    },
  };
  await made.write("aliases", ...aliases);
  return made;
}

const refusal = ({ admissions: [first] }: Sent) =>
  first?.at === "refused" ? `${first.isPermanent ? 5 : 4}.${first.refusal.detail ?? ""} ${first.refusal.text}` : null;

const errors = ({ lines }: MailFlow) => JSON.stringify(lines.filter(({ level }) => level === "error"));

async function leavesOf(aliases: readonly string[], to: string, options?: object) {
  const { flow, delivered } = await (await site(...aliases)).open(options);
  const sent = await sendText(flow, { to: [to] });
  await flow.quiet();
  return refusal(sent) ?? delivered.flatMap(({ from, to: all }) => all.map((one) => `${from} ${one}`)).sort();
}

const bob = (...to: readonly string[]) => to.map((one) => `bob@example.net ${one}`);

describe("aliases", () => {
  it.each<[string, readonly string[], string, readonly string[] | string]>([
    ["in turn, without case", ["root: Postmaster", "POSTMASTER: ann"], "Root@example.org", bob("ann@example.org")],
    [
      "to several, here and elsewhere",
      ["sales: ann, x@away.example"],
      "sales@example.org",
      bob("ann@example.org", "x@away.example"),
    ],
    ["in every local domain", ["sales: ann"], "sales@mx.example.org", bob("ann@example.org")],
    ["with extension before without", ["a: ann", "a+x: carl"], "a+x@example.org", bob("carl@example.org")],
    ["extensions stay behind", ["a: ann"], "a+y@example.org", bob("ann@example.org")],
    ["quoted names", ['"a b": ann'], '"A B"@example.org', bob("ann@example.org")],
    ["that name themselves", ["ann: ann, carl"], "ann@example.org", bob("ann@example.org", "carl@example.org")],
    ["in a circle", ["a: b, ann", "b: a"], "a@mx.example.org", bob("ann@example.org")],
    ["final targets", ["a: \\ann", "ann: carl"], "a@example.org", bob("ann@example.org")],
    ["and others", ["a: ann", "ann: carl"], "a@example.org", bob("carl@example.org")],
    [
      "a list with an owner",
      ["l: ann, carl", "owner-l: bob"],
      "l@example.org",
      ["owner-l@example.org ann@example.org", "owner-l@example.org carl@example.org"],
    ],
    [
      "the owner itself",
      ["l: ann", "owner-l: carl", "owner-owner-l: bob"],
      "owner-l@example.org",
      bob("carl@example.org"),
    ],
    ["nobody", ["a: ann"], "nobody@example.org", "5.1.1 No such user here"],
    ["one that leads nowhere", ["a: nobody-at-all"], "a@example.org", "5.1.1 No such user here"],
    ["not in foreign domains", ["a: ann"], "a@away.example", "5.7.1 Relaying denied"],
  ])("%s", async (_, aliases, to, expected) => {
    const leaves = await leavesOf(aliases, to);
    if (typeof expected === "string") expect(String(leaves).slice(0, 5)).toBe(expected.slice(0, 5));
    else expect(leaves).toEqual(expected);
  });

  it("a bounce stays one on its way through a list", async () => {
    const { flow, delivered } = await (await site("l: ann", "owner-l: bob")).open();
    await sendText(flow, { opening: openingOf({ from: null }), to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered).toMatchObject([{ from: null, to: ["ann@example.org"] }]);
  });

  it.each([
    ["a bad target", ["a: ann, b c"], /b c/],
    ["a command without permission", ['a: ann, "|/bin/true"'], /not allowed/],
    ["a file without permission", ["a: ann, /tmp/x"], /not allowed/],
    ["a list that is not there", ["a: ann, :include:/nowhere/list"], /does not exist/],
  ])("%s puts the mail off, for all of its targets", async (_, aliases, text) => {
    const { flow, delivered } = await (await site(...aliases)).open();
    expect(refusal(await sendText(flow, { to: ["a@example.org"] }))).toBe("4.3.5 This alias leads nowhere at present");
    expect(errors(flow)).toMatch(text);
    expect(delivered).toEqual([]);
  });

  it("a table of patterns is none", async () => {
    await expect((await site()).open({ maps: ["pcre:{{/^(.*)$/ |$1}}"] })).rejects.toThrow(/patterns/);
  });
});

describe(":include:", () => {
  it("puts the file's addresses in, comments and nested lists too", async () => {
    const { write, open } = await site("l: :include:{}/list");
    await write("list", "# all of us", "ann, carl", "", ":include:{}/more", ":include:{}/list");
    await write("more", '"x y"@away.example (a friend)', "Zoe <z@away.example>");
    const { flow, delivered } = await open();
    await sendText(flow, { to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered.flatMap(({ to }) => to).sort()).toEqual(
      ['"x y"@away.example', "ann@example.org", "carl@example.org", "z@away.example"].sort(),
    );
  });

  it("is read anew each time", async () => {
    const { write, open } = await site("l: :include:{}/list");
    await write("list", "ann");
    const { flow, delivered } = await open();
    await sendText(flow, { to: ["l@example.org"] });
    await write("list", "carl");
    await sendText(flow, { to: ["l@example.org"] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to[0]).sort()).toEqual(["ann@example.org", "carl@example.org"]);
  });

  it.each<[string, (site: Site) => Promise<unknown>, RegExp]>([
    ["that everybody may write", ({ directory }) => chmod(join(directory, "list"), 0o666), /everybody/],
    ["in a directory that everybody may write", ({ directory }) => chmod(directory, 0o777), /everybody/],
    ["with a bad line", ({ write }) => write("list", "ann", "a b"), /list:2/],
    ["with a command", ({ write }) => write("list", "|/bin/true"), /no place/],
    [
      "that is a directory",
      async ({ directory }) => {
        await rm(join(directory, "list"));
        await mkdir(join(directory, "list"));
      },
      /no file/,
    ],
  ])("%s is not used", async (_, spoil, text) => {
    const made = await site("l: :include:{}/list");
    await made.write("list", "ann");
    await spoil(made);
    const { flow } = await made.open({ allow: ["includes", "commands"] });
    expect(refusal(await sendText(flow, { to: ["l@example.org"] }))).toMatch(/^4\.3\.5/);
    expect(errors(flow)).toMatch(text);
  });
});

describe("commands and files", () => {
  it("each command runs with its arguments, for the alias", async () => {
    const { open } = await site('t: ann, "|/bin/tool --to \\"a b\\"", "|/bin/tool 2"');
    const { flow, delivered, ran } = await open({ allow: ["commands"] });
    await sendText(flow, { to: ["t@example.org"] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to)).toEqual([["ann@example.org"]]);
    expect(ran).toEqual([
      { argv: ["/bin/tool", "--to", "a b"], for: "t@example.org" },
      { argv: ["/bin/tool", "2"], for: "t@example.org" },
    ]);
  });

  it.each(["1.t@alias.invalid", '"1.t"@alias.invalid', "1.ann@example.org.forward.invalid"])(
    "nobody can write to %s",
    async (to) => {
      const { open } = await site('t: "|/bin/true"');
      const { flow } = await open({ allow: ["commands"], forward: { enabled: true } });
      expect(refusal(await sendText(flow, { opening: openingOf({ origin: "sendmail" }), to: [to] }))).toMatch(
        /^5\.1\.1/,
      );
      expect(refusal(await sendText(flow, { to: [to] }))).toMatch(/^5\./);
    },
  );

  it("what a shell would have to do is refused in words", async () => {
    const { open } = await site('t: "|/bin/echo $USER >/tmp/x"');
    const { flow } = await open({ allow: ["commands"] });
    expect(refusal(await sendText(flow, { to: ["t@example.org"] }))).toMatch(/^4\.3\.5/);
    expect(errors(flow)).toContain("needs a shell");
  });

  it("a line that was mended counts for mail that waits", async () => {
    const { write, open } = await site('t: "|/nowhere/tool"');
    const { flow, ran } = await open({ allow: ["commands"] });
    await sendText(flow, { to: ["t@example.org"] });
    await flow.quiet();
    expect(ran).toEqual([]);
    await write("aliases", 't: "|/bin/tool"');
    for (let tries = 0; tries < 10 && ran.length === 0; tries += 1) {
      flow.clock.advance(3_600_000);
      await flow.quiet();
    }
    expect(ran).toMatchObject([{ argv: ["/bin/tool"] }]);
  });

  it("an mbox has two messages that came at once, and neither of them is torn", async () => {
    const { read, open } = await site("a: {}/mbox", "b: {}/mbox");
    const { flow } = await open({ allow: ["files"] });
    const text = (name: string) => `Subject: ${name}\n\n${`From ${name}\n`.repeat(3_000)}`;
    await Promise.all([
      sendText(flow, { to: ["a@example.org"], text: text("one") }),
      sendText(flow, { to: ["b@example.org"], text: text("two") }),
    ]);
    await flow.quiet();
    const messages = (await read("mbox")).split(/^(?=From bob@example\.net )/m);
    expect(messages).toHaveLength(2);
    for (const [index, name] of messages[0]?.includes("Subject: one")
      ? (["one", "two"] as const).entries()
      : (["two", "one"] as const).entries())
      expect(messages[index]?.match(new RegExp(`^>From ${name}$`, "gm"))).toHaveLength(3_000);
    expect(messages.every((message) => message.endsWith("\n\n"))).toBe(true);
  });

  it("a lock of somebody else makes it wait", async () => {
    const { directory, write, read, open } = await site("a: {}/mbox");
    await write("mbox.lock", "");
    const { flow } = await open({ allow: ["files"] });
    await sendText(flow, { to: ["a@example.org"] });
    expect(await readdir(directory)).not.toContain("mbox");
    await rm(join(directory, "mbox.lock"));
    await flow.quiet();
    expect(await read("mbox")).toContain("Subject: hello");
    expect(await readdir(directory)).not.toContain("mbox.lock");
  });

  it("a path with a slash behind it is a Maildir", async () => {
    const { directory, open } = await site("a: {}/mail/");
    const { flow } = await open({ allow: ["files"] });
    await sendText(flow, { to: ["a@example.org"] });
    await flow.quiet();
    const [name = ""] = await readdir(join(directory, "mail", "new"));
    expect(await readFile(join(directory, "mail", "new", name), "utf8")).toMatch(/^Return-Path: <bob@example.net>\n/);
    expect(await readdir(join(directory, "mail", "tmp"))).toEqual([]);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ["a link", (path) => symlink("/dev/null", path)],
    ["a directory", (path) => mkdir(path)],
  ])("%s is not written to", async (_, make) => {
    const { directory, open } = await site("a: {}/target");
    await make(join(directory, "target"));
    const { flow } = await open({ allow: ["files"] });
    await sendText(flow, { to: ["a@example.org"] });
    await flow.quiet();
    expect(errors(flow)).toContain("1.a@alias.invalid");
    expect(flow.queue.stats().ready).toBe(0);
  });

  it("/dev/null needs no permission", async () => {
    const { open } = await site("a: /dev/null");
    const { flow, delivered } = await open();
    const sent = await sendText(flow, { to: ["a@example.org"] });
    await flow.quiet();
    expect([refusal(sent), delivered, errors(flow)]).toEqual([null, [], "[]"]);
  });
});

describe(".forward", () => {
  const forward = { enabled: true };
  const send = async (made: Site, to: string, options: object = {}, text?: string) => {
    const { flow, delivered, ran } = await made.open({ forward: { ...forward, ...options } });
    const sent = await sendText(flow, { to: [to], ...(text === undefined ? {} : { text }) });
    await flow.quiet();
    return { flow, sent, delivered, ran, to: delivered.flatMap(({ to: all }) => all).sort() };
  };

  it.each<[string, readonly string[], string, readonly string[]]>([
    ["leads elsewhere", ["x@away.example"], "ann@example.org", ["x@away.example"]],
    ["keeps a copy", ["\\ann, x@away.example"], "ann@example.org", ["ann@example.org", "x@away.example"]],
    [
      "keeps a copy by the whole name",
      ["# me", "ann@example.org", "x@away.example"],
      "ann@example.org",
      ["ann@example.org", "x@away.example"],
    ],
    ["is none where it is empty", ["# nothing"], "ann@example.org", ["ann@example.org"]],
    ["counts for extensions", ["x@away.example"], "ann+y@example.org", ["x@away.example"]],
  ])("%s", async (_, lines, to, expected) => {
    const made = await site();
    await made.write("home/ann/.forward", ...lines);
    expect((await send(made, to)).to).toEqual(expected);
  });

  it("of an extension comes first", async () => {
    const made = await site();
    await made.write("home/ann/.forward", "x@away.example");
    await made.write("home/ann/.forward+y", "y@away.example");
    expect((await send(made, "ann+y@example.org")).to).toEqual(["y@away.example"]);
    expect((await send(made, '"ann+../bob/.forward"@example.org')).to).toEqual(["x@away.example"]);
  });

  it("of two who forward to each other ends in a mailbox", async () => {
    const made = await site();
    await made.write("home/ann/.forward", "bob@example.org");
    await made.write("home/bob/.forward", "ann@example.org");
    expect((await send(made, "ann@example.org")).to).toEqual(["ann@example.org"]);
  });

  it("an alias that names its own mailbox goes through it", async () => {
    const made = await site("ann: ann, carl");
    await made.write("home/ann/.forward", "x@away.example");
    expect((await send(made, "ann@example.org")).to).toEqual(["carl@example.org", "x@away.example"]);
  });

  it("is not read where it is not asked for", async () => {
    const made = await site();
    await made.write("home/ann/.forward", "x@away.example");
    expect((await send(made, "ann@example.org", { enabled: false })).to).toEqual(["ann@example.org"]);
  });

  it("mail that comes back is refused", async () => {
    const made = await site();
    await made.write("home/ann/.forward", "x@away.example");
    const first = await send(made, "ann@example.org");
    expect(first.delivered[0]?.text).toContain("Delivered-To: ann@example.org\r\n");
    const { submitted } = await sendText(first.flow, { to: ["ann@example.org"], text: first.delivered[0]?.text ?? "" });
    expect(submitted).toMatchObject({ at: "refused", isPermanent: true, refusal: { detail: "4.6" } });
    // For everybody else it is mail like any other.
    const { submitted: toCarl } = await sendText(first.flow, {
      to: ["carl@example.org"],
      text: first.delivered[0]?.text ?? "",
    });
    expect(toCarl).toMatchObject({ at: "queued" });
  });

  it.each<[string, (site: Site) => Promise<unknown>, RegExp]>([
    ["that everybody may write", ({ directory }) => chmod(join(directory, "home/ann/.forward"), 0o646), /everybody/],
    ["that is too large", ({ write }) => write("home/ann/.forward", "#".repeat(70_000)), /more than 65536/],
    ["with a bad line", ({ write }) => write("home/ann/.forward", "bob", "a b c"), /\.forward:2/],
    ["with an include", ({ write }) => write("home/ann/.forward", ":include:/etc/passwd"), /no place/],
    ["with a command", ({ write }) => write("home/ann/.forward", "|/bin/true"), /not allowed/],
    [
      "that leads out of the home",
      async ({ directory, write }) => {
        await write("secret", "x@away.example");
        await rm(join(directory, "home/ann/.forward"));
        await symlink("../../secret", join(directory, "home/ann/.forward"));
      },
      /leads out/,
    ],
    [
      "that is a directory",
      async ({ directory }) => {
        await rm(join(directory, "home/ann/.forward"));
        await mkdir(join(directory, "home/ann/.forward"));
      },
      /no file/,
    ],
  ])("%s puts the mail off", async (_, spoil, text) => {
    const made = await site();
    await made.write("home/ann/.forward", "x@away.example");
    await spoil(made);
    const { flow, sent } = await send(made, "ann@example.org");
    expect(refusal(sent)).toMatch(/^4\.3\.5/);
    expect(errors(flow)).toMatch(text);
  });

  it("a link within the home is followed", async () => {
    const made = await site();
    await made.write("home/ann/elsewhere", "x@away.example");
    await symlink("elsewhere", join(made.directory, "home/ann/.forward"));
    expect((await send(made, "ann@example.org")).to).toEqual(["x@away.example"]);
  });

  it.runIf(isRoot)("somebody else's file is not used", async () => {
    const made = await site();
    await chown(await made.write("home/ann/.forward", "x@away.example"), 12_345, 12_345);
    const { flow, sent } = await send(made, "ann@example.org");
    expect(refusal(sent)).toMatch(/^4\.3\.5/);
    expect(errors(flow)).toMatch(/somebody else/);
  });

  it("a command runs as whose file it is, and never as root", async () => {
    const made = await site();
    const path = await made.write("home/ann/.forward", "\\ann", "|/bin/tool");
    const home = join(made.directory, "home/ann");
    const first = await send(made, "ann@example.org", { allow: ["commands"] });
    const command = { argv: ["/bin/tool"], for: "ann@example.org", directory: home };
    if (!isRoot) {
      expect(first.ran).toEqual([command]);
      return;
    }
    expect([first.ran, errors(first.flow)]).toEqual([[], expect.stringMatching(/cannot run programs/)]);
    for (const one of [home, path]) await chown(one, 12_345, 12_345);
    const second = await send(made, "ann@example.org", { allow: ["commands"] });
    expect(second.to).toEqual(["ann@example.org"]);
    expect(second.ran).toEqual([{ ...command, owner: { uid: 12_345, gid: 12_345 } }]);
  });
});

describe("postern check", () => {
  const checked = async (aliases: readonly string[], options: object = {}) => {
    const { flow } = await (await site(...aliases)).open(options);
    return (await flow.kernel.check()).map(({ text }) => text);
  };
  const needed = ["postmaster: root", "root: ann", "mailer-daemon: postmaster", "abuse: postmaster"];

  it("has nothing to say of a good file", async () => {
    expect(await checked(needed)).toEqual([]);
  });

  it("misses the names that everybody has to reach", async () => {
    expect(await checked(["postmaster: ann"])).toEqual(
      ["root", "mailer-daemon", "abuse"].map((name) => expect.stringContaining(`${name} has no alias`)),
    );
  });

  it.each([
    ["a: b c", /line 5 \(a\).*b c/],
    ["a: |/bin/true", /line 5 \(a\).*not allowed/],
    ["a: :include:/nowhere", /line 5 \(a\).*does not exist/],
  ])("%s", async (line, text) => {
    expect(await checked([...needed, line])).toEqual([expect.stringMatching(text)]);
  });

  it("a file in no directory, a command that needs a shell", async () => {
    const aliases = [...needed, "a: /nowhere/at/all", "b: |/bin/true && /bin/false"];
    expect(await checked(aliases, { allow: ["files", "commands"] })).toEqual([
      expect.stringMatching(/no directory/),
      expect.stringMatching(/needs a shell/),
    ]);
  });
});

it("the sender's wishes stay with an alias", async () => {
  const { flow, delivered } = await (await site("a: ann")).open();
  await sendText(flow, { to: [offerOf("a@example.org", { notify: new Set(["never"]) })] });
  await flow.quiet();
  expect(delivered).toHaveLength(1);
});
