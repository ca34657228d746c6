import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { ServerConfig } from "../../app/config/server-config.ts";
import { prepareMaildrop } from "../../maildrop/places.ts";
import { checkLocalMail } from "./local-mail.ts";

/** A site that users can get through, with a maildrop to be. */
async function site(): Promise<{
  readonly directory: string;
  readonly maildrop: string;
  readonly check: (mailq?: string, user?: string | null) => Promise<readonly string[]>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "postern-check-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const maildrop = join(directory, "maildrop");
  const check = async (mailq = "everybody", user: string | null = null) =>
    (await checkLocalMail({ maildrop, user, mailq } as unknown as ServerConfig)).map(
      ({ severity, text }) => `${severity}: ${text}`,
    );
  return { directory, maildrop, check };
}

it("is content with a maildrop as the server makes it, and with none yet", async () => {
  const { maildrop, check } = await site();
  expect(await check()).toEqual([]);
  await prepareMaildrop(maildrop);
  expect(await check()).toEqual([]);
});

it("warns where users do not get through", async () => {
  const { directory, maildrop, check } = await site();
  await prepareMaildrop(maildrop);
  await chmod(directory, 0o750);
  expect(await check()).toEqual([expect.stringContaining(`warning: ${directory} lets only its owner through`)]);
});

it("warns of another mode, and of something else in its place", async () => {
  const { maildrop, check } = await site();
  await prepareMaildrop(maildrop);
  await chmod(join(maildrop, "new"), 0o777);
  expect(await check()).toEqual([expect.stringContaining("has mode 0777: it is made 3733")]);
  await rm(join(maildrop, "new"), { recursive: true });
  await writeFile(join(maildrop, "new"), "");
  expect(await check()).toEqual([expect.stringContaining("error: ")]);
});

it("says of what cannot be looked at why", async () => {
  const { directory, maildrop, check } = await site();
  await symlink("maildrop", maildrop);
  expect(await check()).toEqual([expect.stringMatching(/^error: .*maildrop.* cannot be looked at \(ELOOP\)$/)]);
  await rm(maildrop);
  await writeFile(join(directory, "maildrop"), "");
  expect(await check()).toEqual([expect.stringMatching(/^error: .* cannot be looked at \(ENOTDIR\)$/)]);
});

it.runIf(process.getuid?.() === 0)("says whose it is where that is not the server's user", async () => {
  const { maildrop, check } = await site();
  await mkdir(join(maildrop, "new"), { recursive: true });
  await chown(join(maildrop, "new"), 4321, 0);
  expect(await check()).toEqual(expect.arrayContaining([expect.stringContaining("belongs to user 4321")]));
});

it("says where the group that may see the queue is none, or none of the server's user", async () => {
  const { check } = await site();
  expect(await check("nobody")).toEqual([]);
  expect(await check("no-such-group")).toEqual([expect.stringContaining('error: there is no group "no-such-group"')]);
  expect(await check("daemon", "daemon")).toEqual([]);
  expect(await check("mail", "daemon")).toEqual([expect.stringContaining("is no member of the group mail")]);
});
