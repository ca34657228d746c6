import { once } from "node:events";
import { chmod, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { listenerDeps as deps, listenerSpec as spec, Workbench } from "../testing/connections.ts";
import { openListener } from "./listener.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

describe("a unix socket", () => {
  it("has the mode that it was given", async () => {
    const path = join(await bench.directory(), "lmtp");
    const listener = await openListener(spec({ role: "lmtp", place: { at: "path", path, mode: 0o620 } }), await deps());
    bench.defer(() => listener.close(0));
    expect((await stat(path)).mode & 0o777).toBe(0o620);
  });

  const at = (path: string) => spec({ role: "lmtp", place: { at: "path", path } });

  it("takes clients, and is gone when the listener is", async () => {
    const path = join(await bench.directory(), "lmtp");
    const { accepted, listener } = await bench.listener({ spec: at(path) });
    const socket = connect(path);
    bench.defer(() => socket.destroy());
    expect((await accepted()).session).toMatchObject({ remote: { address: "unix", port: 0 }, protocol: "lmtp" });
    expect(listener.address).toEqual({ path });
    socket.destroy();
    await listener.close(0);
    await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("that a dead process left behind is replaced", async () => {
    const path = join(await bench.directory(), "lmtp");
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    const { spawn } = await import("node:child_process");
    await once(spawn(process.execPath, ["-e", script]), "exit");
    expect((await stat(path)).isSocket()).toBe(true);
    const listener = await openListener(at(path), await deps());
    await listener.close(0);
  });

  it("that somebody answers on is left alone", async () => {
    const path = join(await bench.directory(), "lmtp");
    const first = await openListener(at(path), await deps());
    bench.defer(() => first.close(0));
    await expect(openListener(at(path), await deps())).rejects.toThrow("another process listens there");
  });

  it("does not take the place of a file", async () => {
    const path = join(await bench.directory(), "lmtp");
    await writeFile(path, "precious");
    await expect(openListener(at(path), await deps())).rejects.toThrow(path);
    expect((await stat(path)).size).toBe(8);
  });

  it.skipIf(process.getuid?.() === 0)("in a directory that may not be written is an error", async () => {
    const directory = await bench.directory();
    await chmod(directory, 0o500);
    await expect(openListener(at(join(directory, "lmtp")), await deps())).rejects.toThrow("permission denied");
  });
});
