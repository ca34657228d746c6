/** Aliases and `.forward` that lead to programs of this machine: who finds the command, and who runs it, together. */
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { accept, definePlugin, found, proceed } from "../../core/api/plugin.ts";
import { addressOf, openMailFlow, optionsOf, recording, sendText } from "../../core/api/testing.ts";
import aliasSystem from "../../plugins/alias-system/index.ts";
import deliverPipe from "../../plugins/deliver-pipe/index.ts";

const isRoot = process.getuid?.() === 0;
/** Commands run only as somebody whom the system knows. */
const nobody = 65_534;

it("a command of an alias, and one of a .forward as its owner, get the message", async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-commands-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const home = join(directory, "ann");
  await mkdir(home);
  await writeFile(join(directory, "aliases"), `t: ann, "|${directory}/tool \\"a b\\""\n`);
  await writeFile(
    join(directory, "tool"),
    `#!/bin/sh\n(echo "[$1][$RECIPIENT]"; id -u; pwd; cat) >"${directory}/ann/$USER"\n`,
  );
  await writeFile(join(home, ".forward"), `\\ann\n|${directory}/tool forward\n`);
  for (const path of [directory, join(directory, "tool")]) await chmod(path, 0o755);
  if (isRoot) for (const path of [home, join(home, ".forward")]) await chown(path, nobody, nobody);
  const people = definePlugin({
    name: "test-directory",
    api: 1,
    setup: () => ({
      hooks: {
        findAccount: (query) =>
          "address" in query && String(query.address) === "ann@example.org"
            ? found({ login: "ann", addresses: [addressOf("ann@example.org")], home, quotaBytes: null })
            : proceed,
        findDomain: ({ domain }) => (domain === "example.org" ? accept("served") : proceed),
      },
    }),
  });
  const { plugin, delivered } = recording();
  const flow = await openMailFlow({
    plugins: [
      people,
      [
        aliasSystem,
        optionsOf(aliasSystem, {
          maps: [`aliases:${directory}/aliases`],
          allow: ["commands"],
          forward: { enabled: true, allow: ["commands"] },
        }),
      ],
      [deliverPipe, optionsOf(deliverPipe, isRoot ? { aliasUser: "root" } : {})],
      plugin,
    ],
  });
  onTestFinished(() => flow.close());
  await sendText(flow, { to: ["t@example.org"], text: "Subject: x\n\nFrom me\n" });
  await flow.quiet();
  expect(flow.lines.filter(({ level }) => level === "error")).toEqual([]);
  expect(delivered.map(({ to }) => to)).toEqual([["ann@example.org"]]);

  const own = String(process.getuid?.() ?? "");
  const alias = (await readFile(join(home, "t"), "utf8")).split("\n");
  expect(alias.slice(0, 3)).toEqual(["[a b][t@example.org]", own, "/"]);
  expect(alias[3]).toMatch(/^From bob@example\.net /);
  expect(alias.join("\n")).toContain("X-Original-To: t@example.org\nDelivered-To: t@example.org\n");
  expect(alias.join("\n")).toContain("\n\n>From me\n\n");
  const forward = (await readFile(join(home, "ann"), "utf8")).split("\n");
  expect(forward.slice(0, 3)).toEqual(["[forward][ann@example.org]", isRoot ? String(nobody) : own, home]);
});
