import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { openingOf, sendText } from "postern/testing";
import { describe, expect, it } from "vitest";
import { errors, refusal, site } from "./testing/site.ts";

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
