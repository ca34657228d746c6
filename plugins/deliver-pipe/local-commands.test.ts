/** Commands that other plugins ask for. */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definePlugin, LocalCommands, proceed, routed } from "postern/plugin";
import { openMailFlow, openRelay, optionsOf, sendText } from "postern/testing";
import { expect, it, onTestFinished } from "vitest";
import deliverPipe from "./index.ts";

const isRoot = process.getuid?.() === 0;

/** What became of one message to a command that runs as this user. */
async function ranAs(owner: { readonly uid: number } | undefined): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postern-commands-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const program = join(directory, "tool");
  await writeFile(program, '#!/bin/sh\necho $(id -u) $(id -g) $(id -G) "$LOGNAME" "$HOME"\n', { mode: 0o755 });
  let said = "";
  const asking = definePlugin({
    name: "test-asking",
    api: 1,
    needs: { commands: LocalCommands },
    setup: ({ needs }) => ({
      hooks: {
        route: () => routed("asked", null),
        async deliver(delivery, { signal }) {
          for (const recipient of delivery.recipients) {
            const command = { argv: [program], for: recipient.address, ...(owner && { owner }) } as const;
            await delivery.settle(recipient, await needs.commands.run(delivery, recipient, command, signal));
          }
          return proceed;
        },
        settled: (_delivery, _recipient, { at, reply }) => {
          said = `${at} ${reply.status}: ${reply.text}`;
        },
      },
    }),
  });
  const flow = await openMailFlow({ plugins: [openRelay, asking, [deliverPipe, optionsOf(deliverPipe, {})]] });
  onTestFinished(() => flow.close());
  await sendText(flow, { to: ["ann@example.com"] });
  await flow.quiet();
  return said;
}

it.runIf(isRoot)("run as the user, with that one's own group and home, and no further groups", async () => {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((one) => one.startsWith("nobody:")) ?? "";
  const [name, , uid, gid, , home] = line.split(":");
  expect(await ranAs({ uid: Number(uid) })).toBe(
    `delivered 2.0.0: delivered via command (${uid} ${gid} ${gid} ${name} ${home})`,
  );
});

it("of a user whom the system does not know put the mail off", async () => {
  expect(await ranAs({ uid: 2_345_678 })).toBe("deferred 4.3.5: The command cannot be run now");
});

it.runIf(isRoot)("of nobody in particular are not run by a server that is root", async () => {
  expect(await ranAs(undefined)).toMatch(/^deferred 4\.3\.5/);
});
