import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { silentLog } from "../testing/kernel.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { briefResult, outboundRequest, type RequestOf } from "../testing/outbound.ts";
import { type Peer, startPeerServer } from "../testing/smtp-peer.ts";
import { createOutbound } from "./outbound.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Takes everything; `told` replaces the answers of single messages, counted over all connections. */
async function server(script: (peer: Peer) => Promise<void> = takeAll()) {
  const clock = manualClock();
  const outbound = createOutbound({ hostname: "us.example", clock, log: silentLog });
  const peers = await startPeerServer(script);
  closing.push(
    () => peers.close(),
    () => outbound.close(),
  );
  const send = async (request: RequestOf = {}) =>
    briefResult(await outbound.send(outboundRequest({ port: peers.port, ...request })));
  return { outbound, clock, peers, send };
}

const takeAll =
  (...extensions: readonly string[]) =>
  async (peer: Peer): Promise<void> => {
    await peer.greet(...extensions);
    for (;;) {
      const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 2.1.5 ok", RSET: "250 ok" });
      if (line === "QUIT") return peer.close();
      const chunk = /^BDAT (\d+) LAST$/.exec(line);
      if (chunk === null) {
        peer.say("354 go on");
        await peer.content();
      } else await peer.octets(Number(chunk[1]));
      peer.say("250 2.0.0 taken");
    }
  };
const taken = ["1: 250 2.0.0 at end"];
const verbs = (peer: Peer | undefined): readonly string[] =>
  (peer?.chunks.join("") ?? "").match(/^(?:EHLO|MAIL|RSET|QUIT|DATA|BDAT)/gm) ?? [];

describe("connections", () => {
  it("are used again after success, without RSET", async () => {
    const { send, peers } = await server();
    for (let count = 0; count < 3; count += 1) expect(await send()).toEqual(taken);
    expect(peers.peers).toHaveLength(1);
    expect(verbs(peers.peers[0])).toEqual(["EHLO", "MAIL", "DATA", "MAIL", "DATA", "MAIL", "DATA"]);
  });

  it("begin with RSET after what was no success, in the same write where the host lets us", async () => {
    for (const extensions of [[], ["PIPELINING"]]) {
      const { send, peers } = await server(takeAll(...extensions));
      expect(await send({ content: null })).toEqual(["1: 250 2.1.5 at rcpt"]);
      expect(await send()).toEqual(taken);
      expect(verbs(peers.peers[0])).toEqual(["EHLO", "MAIL", "RSET", "MAIL", "DATA"]);
      if (extensions.length > 0) expect(peers.peers[0]?.chunks[2]).toMatch(/^RSET\r\nMAIL .*\r\nRCPT .*\r\nDATA\r\n$/);
    }
  });

  it("are never shared between requests that differ in anything", async () => {
    const { send, peers } = await server(takeAll("AUTH PLAIN"));
    const envelope = outboundRequest({}).envelope;
    const place = { name: "other.example.org", addresses: ["127.0.0.1"], port: peers.port };
    const differing: RequestOf[] = [
      {},
      { helloName: "another.example" },
      { tls: { level: "opportunistic" } },
      { tls: { level: "none", names: ["x"] } },
      { tls: { level: "none", tlsa: [{ usage: 3, selector: 1, matchingType: 1, data: Buffer.from("a") }] } },
      { tls: { level: "none", tlsa: [{ usage: 3, selector: 1, matchingType: 1, data: Buffer.from("b") }] } },
      { source: { ipv4: "127.0.0.2" } },
      { place },
    ];
    for (const request of differing) expect(await send(request)).toEqual(taken);
    expect(peers.peers).toHaveLength(differing.length);
    // The envelope is none of its business.
    expect(await send({ envelope: { ...envelope, reversePath: null } })).toEqual(taken);
    expect(peers.peers).toHaveLength(differing.length);
  });

  it("lead only to addresses that were asked for", async () => {
    const { send, peers } = await server();
    await send();
    const result = await send({ place: { name: "mx.example.org", addresses: ["127.0.0.9"], port: peers.port } });
    expect(result).toEqual(["unreachable at connect: 451 4.4.2"]);
  });

  it("serve one message at a time: two at once have two, and both are kept", async () => {
    const { send, peers } = await server();
    expect(await Promise.all([send(), send()])).toEqual([taken, taken]);
    expect(await Promise.all([send(), send()])).toEqual([taken, taken]);
    expect(peers.peers).toHaveLength(2);
  });

  it("many messages at once share few", async () => {
    const { send, peers } = await server(takeAll("PIPELINING", "CHUNKING"));
    const lane = async () => {
      for (let count = 0; count < 20; count += 1) expect(await send()).toEqual(taken);
    };
    await Promise.all([lane(), lane(), lane()]);
    expect(peers.peers.length).toBeLessThanOrEqual(3);
    expect(peers.faults).toEqual([]);
  });

  it("end with QUIT after their messages, their time, their idleness, and as LIMITS says", async () => {
    for (const reuse of [{ maxUses: 1 }, { idleMs: 0 }, { maxAgeMs: 0 }]) {
      const { send, peers } = await server();
      await send({ reuse });
      await send({ reuse });
      expect(peers.peers).toHaveLength(2);
      await peers.peers[0]?.gone();
      expect(verbs(peers.peers[0])).toEqual(["EHLO", "MAIL", "DATA", "QUIT"]);
    }
    const limited = await server(takeAll("LIMITS MAILMAX=1"));
    await limited.send();
    await limited.send();
    expect(limited.peers.peers).toHaveLength(2);
    const aged = await server();
    await aged.send();
    aged.clock.advance(5_001);
    await aged.peers.peers[0]?.gone(); // looked after once a second
    await aged.send();
    expect(aged.peers.peers).toHaveLength(2);
  });

  it("end with the server", async () => {
    const { send, outbound, peers } = await server();
    await send();
    outbound.close();
    await peers.peers[0]?.gone();
    expect(verbs(peers.peers[0]).at(-1)).toBe("QUIT");
  });
});

describe("a kept connection that is dead", () => {
  it("is noticed while it waits", async () => {
    const { send, peers } = await server(async (peer) => {
      if (peer.index > 0) return takeAll()(peer);
      await peer.greet();
      await takeOne(peer);
      peer.say("421 4.4.2 idle for too long");
      peer.close();
    });
    expect(await send()).toEqual(taken);
    await peers.peers[0]?.gone();
    expect(await send()).toEqual(taken);
    expect(verbs(peers.peers[0])).toEqual(["EHLO", "MAIL", "DATA"]);
  });

  it.each([
    ["closes at MAIL", async (peer: Peer) => peer.close()],
    ["says 421 at MAIL", async (peer: Peer) => peer.say("421 4.7.0 enough")],
    ["says 421 at RCPT", async (peer: Peer) => peer.say("250 ok", "421 4.7.0 enough")],
  ])("is replaced once when the host %s", async (_, leave) => {
    const { send, peers } = await server(async (peer) => {
      if (peer.index > 0) return takeAll("PIPELINING")(peer);
      await peer.greet("PIPELINING");
      await takeOne(peer);
      await peer.line();
      await leave(peer);
    });
    expect(await send()).toEqual(taken);
    expect(await send()).toEqual(taken);
    expect(peers.peers).toHaveLength(2);
  });

  it.each([
    ["to DATA, when nobody is to get anything", ["250 ok", "550 5.1.1 no", "421 4.3.2 going"]],
    ["to RCPT, when MAIL was refused", ["450 4.1.8 no", "421 4.3.2 going", "503 what?"]],
  ])("has no part in the next message after 421 %s", async (_, replies) => {
    const { send, peers } = await server(async (peer) => {
      if (peer.index > 0) return takeAll()(peer);
      await peer.greet("PIPELINING");
      await peer.until("DATA\r\n");
      peer.say(...replies);
      await peer.gone();
    });
    await send();
    expect(await send()).toEqual(taken);
    expect(peers.peers).toHaveLength(2);
    expect(verbs(peers.peers[0])).toEqual(["EHLO", "MAIL", "DATA"]);
  });

  it("is not replaced where the content has left: the host may have it", async () => {
    const { send, peers } = await server(async (peer) => {
      await peer.greet("PIPELINING", "CHUNKING");
      await takeOne(peer);
      await peer.until("LAST\r\n");
      peer.close();
    });
    expect(await send()).toEqual(taken);
    expect(await send()).toEqual(["lost: 451 4.4.2"]);
    expect(peers.peers).toHaveLength(1);
  });

  it("is not given the content at once when it has waited for a while", async () => {
    const { send, clock, peers } = await server(async (peer) => {
      if (peer.index > 0) return takeAll("PIPELINING", "CHUNKING")(peer);
      await peer.greet("PIPELINING", "CHUNKING");
      await takeOne(peer);
      await peer.line();
      peer.close();
    });
    expect(await send()).toEqual(taken);
    clock.advance(2_000);
    expect(await send()).toEqual(taken);
    expect(peers.peers).toHaveLength(2);
  });

  it("that says more than it was asked is used no more", async () => {
    const { send, peers } = await server(async (peer) => {
      if (peer.index > 0) return takeAll()(peer);
      await peer.greet();
      await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
      peer.say("354 go on");
      await peer.content();
      peer.say("250 2.0.0 taken", "250 2.0.0 and this one, too");
      await once(peer.socket, "close");
    });
    expect(await send()).toEqual(taken);
    expect(await send()).toEqual(taken);
    expect(peers.peers).toHaveLength(2);
  });
});

async function takeOne(peer: Peer): Promise<void> {
  const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
  const chunk = /^BDAT (\d+) LAST$/.exec(line);
  if (chunk === null) {
    peer.say("354 go on");
    await peer.content();
  } else await peer.octets(Number(chunk[1]));
  peer.say("250 2.0.0 taken");
}
