import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Peer, type PeerServer, startPeerServer } from "postern/testing";
import { afterEach, describe, expect, it } from "vitest";
import { deliver } from "./testing/deliveries.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
async function serve(script: (peer: Peer) => Promise<void>, path?: string): Promise<PeerServer> {
  const server = await startPeerServer(script, path === undefined ? {} : { path });
  closing.push(() => server.close());
  return server;
}
const unixPath = async () => {
  const directory = await mkdtemp(join(tmpdir(), "postern-lmtp-"));
  closing.push(() => rm(directory, { recursive: true }));
  return join(directory, "lmtp");
};
/** One message; the answers behind its content. */
const takes =
  (...answers: readonly string[]) =>
  async (peer: Peer) => {
    await peer.greet("PIPELINING");
    const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
    if (line !== "DATA") return;
    peer.say("354 go on");
    await peer.content();
    peer.say(...answers);
  };

describe("each recipient has its own answer", () => {
  it("over TCP and over a unix socket", async () => {
    const answers = ["250 2.0.0 kept", "452 4.2.2 full", "550 5.7.1 not this"];
    const path = await unixPath();
    const { port } = await serve(takes(...answers));
    await serve(takes(...answers), path);
    for (const nextHop of [`[127.0.0.1]:${port}`, `inet:localhost:${port}`, `unix:${path}`]) {
      expect(await deliver(nextHop, ["a@example.org", "b@example.org", "c@example.org"])).toEqual([
        "a@example.org delivered 250 2.0.0 -",
        "b@example.org deferred 452 4.2.2 recipient",
        "c@example.org failed 550 5.7.1 recipient",
      ]);
    }
  });
  it("and keeps it when the connection breaks before the others have theirs", async () => {
    const { port } = await serve(async (peer) => {
      await takes("250 2.0.0 kept")(peer);
      peer.close();
    });
    expect(await deliver(`[127.0.0.1]:${port}`, ["a@example.org", "b@example.org"])).toEqual([
      "a@example.org delivered 250 2.0.0 -",
      "b@example.org deferred 451 4.4.2 destination",
    ]);
  });
});

describe("everybody waits", () => {
  it.each([
    ["unix:/nonexistent/lmtp", "451 4.4.2"],
    ["unix:relative", "451 4.3.5"],
    ["", "451 4.3.5"],
    ["nobody.example", "451 4.4.3"],
  ])("for %j", async (nextHop, reply) => {
    expect(await deliver(nextHop, ["a@example.org"])).toEqual([`a@example.org deferred ${reply} destination`]);
  });
  it("for a server that wants a password which would be overheard, or has no TLS where it has to be", async () => {
    const { port } = await serve(takes());
    const result = await deliver(`[127.0.0.1]:${port}`, ["a@example.org"], { tls: "required" });
    expect(result).toEqual(["a@example.org deferred 451 4.4.2 destination"]);
  });
});
