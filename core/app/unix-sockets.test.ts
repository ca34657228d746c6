import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { defaultLimits } from "../smtp/config.ts";
import type { ListenerConfig } from "./config/server-config.ts";
import { UnixSockets } from "./unix-sockets.ts";

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "postern-sockets-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const listener = (path: string, mode: number, owner: string | null): ListenerConfig => ({
  name: "lmtp",
  role: "lmtp",
  place: { at: "path", path, mode, owner },
  tls: "none",
  proxyFrom: [],
  limits: { ...defaultLimits, hops: 100, expansion: 10_000, connections: 1, connectionsPerAddress: 1 },
});

it("a socket that has been bound gets its mode and owner", async () => {
  const path = join(await directory(), "lmtp");
  const server = createServer().listen(path);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { uid, gid, username } = userInfo();
  await new UnixSockets([listener(path, 0o606, `${username}:${gid}`)]).bound(path);
  expect(await stat(path)).toMatchObject({ uid, gid });
  expect((await stat(path)).mode & 0o777).toBe(0o606);
  await new UnixSockets([listener(path, 0o600, null)]).bound(`${path}.other`);
  expect((await stat(path)).mode & 0o777).toBe(0o606);
});

it("a link that has taken a socket's place opens nothing to others", async () => {
  const site = await directory();
  await writeFile(join(site, "private"), "", { mode: 0o600 });
  await symlink(join(site, "private"), join(site, "lmtp"));
  await expect(new UnixSockets([listener(join(site, "lmtp"), 0o666, null)]).bound(join(site, "lmtp"))).rejects.toThrow(
    "no socket any more",
  );
  expect((await stat(join(site, "private"))).mode & 0o777).toBe(0o600);
});

it("an owner whom the system does not know is told with the listener", () => {
  expect(() => new UnixSockets([listener("/x", 0o600, "no-such-user-here")])).toThrow(
    'listener "lmtp": owner: there is no system user "no-such-user-here"',
  );
  expect(() => new UnixSockets([listener("/x", 0o600, ":no-such-group-here")])).toThrow("no system group");
});

it("what a dead server left is cleared away, a file and a living server are not", async () => {
  const site = await directory();
  const paths = { dead: join(site, "dead"), file: join(site, "file"), alive: join(site, "alive") };
  const script = `require("net").createServer().listen(${JSON.stringify(paths.dead)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
  await writeFile(paths.file, "precious");
  const server = createServer().listen(paths.alive);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const all = [...Object.values(paths), join(site, "never")].map((path) => listener(path, 0o600, null));
  await new UnixSockets(all).clear();
  await expect(stat(paths.dead)).rejects.toMatchObject({ code: "ENOENT" });
  expect((await stat(paths.file)).size).toBe(8);
  expect((await stat(paths.alive)).isSocket()).toBe(true);
});
