import { chmod, chown, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { sendText } from "postern/testing";
import { describe, expect, it } from "vitest";
import { whoRuns } from "./forward.ts";
import { errors, isRoot, refusal, type Site, site } from "./testing/site.ts";

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

  it.each<[number, number, number, ReturnType<typeof whoRuns>]>([
    // Whose file, whose home, whose server.
    [1000, 1000, 1000, "server"],
    [1000, 0, 1000, "server"],
    [1000, 1000, 0, { uid: 1000 }],
    [1000, 1000, 110, "nobody"],
    // Mail that the server has delivered into the home, moved to that name.
    [110, 1000, 110, "nobody"],
    [0, 1000, 0, "nobody"],
    [0, 0, 0, "nobody"],
    [0, 1000, 110, "nobody"],
  ])("of user %s in the home of %s, read by %s, runs commands as %j", (uid, homeUid, ownUid, expected) => {
    expect(whoRuns({ uid, homeUid }, ownUid)).toEqual(expected);
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
    expect(second.ran).toEqual([{ ...command, owner: { uid: 12_345 } }]);
  });
});
