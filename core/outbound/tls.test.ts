import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { OutboundResult, TlsRequirement } from "../contracts/outbound.ts";
import { Authority } from "../testing/authority.ts";
import { silentLog } from "../testing/kernel.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { briefResult, outboundRequest, type RequestOf, testOutbound } from "../testing/outbound.ts";
import { Peer, startPeerServer } from "../testing/smtp-peer.ts";
import { createOutbound } from "./outbound.ts";

interface Identity {
  readonly cert: string;
  readonly key: string;
}
let directory: string;
let ca: string;
let good: Identity;
let other: Identity;
let foreign: Identity;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-outbound-"));
  const authority = await Authority.open(directory);
  const stranger = await Authority.open(directory, "stranger");
  const read = async ({ cert, key }: Identity) => ({
    cert: await readFile(cert, "utf8"),
    key: await readFile(key, "utf8"),
  });
  ca = await readFile(authority.ca, "utf8");
  good = await read(await authority.issue({ dnsNames: ["mx.example.org"] }));
  other = await read(await authority.issue({ dnsNames: ["other.example.net"] }));
  foreign = await read(await stranger.issue({ dnsNames: ["mx.example.org"] }));
});
afterAll(() => rm(directory, { recursive: true }));
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const takeAll = async (peer: Peer): Promise<void> => {
  for (;;) {
    const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok", RSET: "250 ok" });
    if (line === "QUIT") return peer.close();
    peer.say("354 go on");
    await peer.content();
    peer.say("250 2.0.0 taken");
  }
};
/** STARTTLS with this certificate; REQUIRETLS is offered behind it. */
const startsTls = (identity: Identity) => async (peer: Peer) => {
  await peer.greet("STARTTLS");
  const line = await peer.line();
  if (line !== "STARTTLS") return peer.close();
  peer.say("220 go on");
  await peer.startTls(identity);
  await peer.hello("REQUIRETLS");
  await takeAll(peer);
};
async function serve(script: (peer: Peer) => Promise<void>) {
  const server = await startPeerServer(script);
  const outbound = testOutbound();
  closing.push(
    () => server.close(),
    () => outbound.close(),
  );
  const send = (request: RequestOf) => outbound.send(outboundRequest({ port: server.port, ...request }));
  return { server, send };
}
const trusting = (level: TlsRequirement["level"], more: Partial<TlsRequirement> = {}): TlsRequirement => ({
  level,
  ca: [ca],
  ...more,
});
const fault = ({ facts }: OutboundResult) => facts.tlsFault?.kind ?? null;
const taken = ["1: 250 2.0.0 at end"];

describe("STARTTLS", () => {
  it.each<[string, () => Identity, TlsRequirement["level"], readonly string[], object]>([
    ["a good certificate", () => good, "verified", taken, { verifiedBy: "pkix", flaw: null }],
    ["a good certificate", () => good, "opportunistic", taken, { verifiedBy: "pkix", flaw: null }],
    [
      "another name",
      () => other,
      "opportunistic",
      taken,
      { verifiedBy: null, flaw: { kind: "certificate-host-mismatch" } },
    ],
    ["another name", () => other, "required", taken, { verifiedBy: null, flaw: { kind: "certificate-host-mismatch" } }],
    ["an unknown authority", () => foreign, "required", taken, { flaw: { kind: "certificate-not-trusted" } }],
  ])("with %s, %#", async (_, identity, level, expected, tls) => {
    const { send } = await serve(startsTls(identity()));
    const result = await send({ tls: trusting(level) });
    expect(briefResult(result)).toEqual(expected);
    expect(result.facts.tls).toMatchObject({ protocol: "TLSv1.3", ...tls });
  });

  it.each<[string, () => Identity, string]>([
    ["another name", () => other, "certificate-host-mismatch"],
    ["an unknown authority", () => foreign, "certificate-not-trusted"],
  ])("with %s is not good enough where the host has to show itself", async (_, identity, kind) => {
    const { send, server } = await serve(startsTls(identity()));
    const result = await send({ tls: trusting("verified") });
    expect(briefResult(result)).toEqual(["unreachable at tls: 451 4.4.2"]);
    expect(fault(result)).toBe(kind);
    expect(server.peers[0]?.chunks.join("")).not.toContain("MAIL");
  });

  it.each<[readonly string[], boolean]>([
    [["mx.example.org"], true],
    [["nobody.example", "mx.example.org"], true],
    [["nobody.example"], false],
    [[".example.org"], true],
    [["*.example.org"], true],
    [["*.example.net"], false],
  ])("names %j fit: %s", async (names, fits) => {
    const { send } = await serve(startsTls(good));
    const result = await send({ tls: trusting("verified", { names }) });
    expect(briefResult(result)).toEqual(fits ? taken : ["unreachable at tls: 451 4.4.2"]);
  });

  it("that is not offered, or refused", async () => {
    for (const script of [
      (peer: Peer) => peer.greet().then(() => takeAll(peer)),
      async (peer: Peer) => {
        await peer.greet("STARTTLS");
        const line = await peer.line();
        if (line === "STARTTLS") peer.say("454 4.7.0 not now");
        await takeAll(peer);
      },
    ]) {
      const { send } = await serve(script);
      const optional = await send({ tls: trusting("opportunistic") });
      expect(briefResult(optional)).toEqual(taken);
      expect(optional.facts).toMatchObject({ tls: null, tlsFault: { kind: "starttls-not-supported" } });
      const required = await send({ tls: trusting("required") });
      expect(required).toMatchObject({
        at: "unreachable",
        phase: "tls",
        facts: { tlsFault: { kind: "starttls-not-supported" } },
      });
    }
  });

  it("whose handshake fails is done without, where encryption is no condition", async () => {
    const script = async (peer: Peer) => {
      await peer.greet("STARTTLS");
      const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
      if (line === "STARTTLS") {
        peer.say("220 go on");
        await peer.octets(10);
        peer.socket.write("this is no handshake\r\n");
        return;
      }
      peer.say("354 go on");
      await peer.content();
      peer.say("250 2.0.0 taken");
    };
    const { send, server } = await serve(script);
    const optional = await send({ tls: trusting("opportunistic") });
    expect(briefResult(optional)).toEqual(taken);
    expect(optional.facts).toMatchObject({ tls: null, tlsFault: { kind: "validation-failure" } });
    expect(server.peers).toHaveLength(2);
    expect(briefResult(await send({ tls: trusting("required") }))).toEqual(["unreachable at tls: 451 4.4.2"]);
    expect(server.peers).toHaveLength(3);
  });

  it("with clear text behind the answer is an attack (RFC 3207 6)", async () => {
    const { send, server } = await serve(async (peer) => {
      await peer.greet("STARTTLS");
      await peer.line();
      peer.say("220 go on", "250 injected");
      await peer.gone();
    });
    const result = await send({ tls: trusting("required") });
    expect(briefResult(result)).toEqual(["unreachable at tls: 451 4.4.2"]);
    expect(server.peers[0]?.chunks.join("")).not.toContain("MAIL");
  });

  it("forgets what was offered before it (RFC 3207 4.2)", async () => {
    const { send, server } = await serve(async (peer) => {
      await peer.greet("STARTTLS", "PIPELINING", "SIZE 1");
      await peer.line();
      peer.say("220 go on");
      await peer.startTls(good);
      await peer.hello();
      await takeAll(peer);
    });
    expect(briefResult(await send({ tls: trusting("required") }))).toEqual(taken);
    expect(server.peers[0]?.chunks.filter((chunk) => /MAIL.*\r\nRCPT/.test(chunk))).toEqual([]);
  });
});

describe("DANE", () => {
  const record = ({ cert }: Identity) => ({
    usage: 3,
    selector: 0,
    matchingType: 1,
    data: createHash("sha256").update(new X509Certificate(cert).raw).digest(),
  });
  it("takes who a record vouches for, whatever authorities say, and nobody else", async () => {
    const { send } = await serve(startsTls(foreign));
    const vouched = await send({ tls: { level: "verified", tlsa: [record(foreign)] } });
    expect(briefResult(vouched)).toEqual(taken);
    expect(vouched.facts.tls).toMatchObject({ verifiedBy: "dane", flaw: null });
    const refused = await send({ tls: { level: "verified", tlsa: [record(good)] } });
    expect(briefResult(refused)).toEqual(["unreachable at tls: 451 4.4.2"]);
    expect(fault(refused)).toBe("tlsa-invalid");
  });
});

describe("sessions", () => {
  it("never carry trust to another requirement", async () => {
    const { send } = await serve(startsTls(foreign));
    expect(briefResult(await send({ tls: trusting("required") }))).toEqual(taken);
    expect(briefResult(await send({ tls: trusting("verified") }))).toEqual(["unreachable at tls: 451 4.4.2"]);
  });
});

describe("TLS from the first octet", () => {
  async function implicit(identity: Identity, outbound = testOutbound()) {
    const server = createServer({ ...identity }, (socket: TLSSocket) => {
      socket.on("error", () => undefined);
      const peer = new Peer(socket, 0);
      void peer
        .greet()
        .then(() => takeAll(peer))
        .catch(() => undefined);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(
      () => new Promise((done) => server.close(done)),
      () => outbound.close(),
    );
    const { port } = server.address() as { port: number };
    return (request: RequestOf) => outbound.send(outboundRequest({ port, ...request }));
  }
  it("is resumed for the same requirement, and what was found out holds on", async () => {
    const send = await implicit(good);
    const request = { tls: trusting("implicit"), reuse: { maxUses: 1 } };
    expect((await send(request)).facts.tls).toMatchObject({ isResumed: false, verifiedBy: "pkix" });
    // The ticket comes behind the handshake, whenever the host likes.
    await expect
      .poll(async () => (await send(request)).facts.tls)
      .toMatchObject({ isResumed: true, verifiedBy: "pkix", flaw: null });
    const stricter = { ...request, tls: trusting("implicit", { names: ["nobody.example"] }) };
    expect(briefResult(await send(stricter))).toEqual(["unreachable at tls: 451 4.4.2"]);
  });

  it("is not resumed for ever: after a while the certificate is looked at again", async () => {
    const clock = manualClock();
    const send = await implicit(good, createOutbound({ hostname: "us.example", clock, log: silentLog }));
    const request = { tls: trusting("implicit"), reuse: { maxUses: 1 } };
    const isResumed = async () => (await send(request)).facts.tls?.isResumed;
    await expect.poll(isResumed).toBe(true);
    clock.advance(20 * 60_000);
    await expect.poll(isResumed).toBe(true);
    clock.advance(20 * 60_000);
    expect(await isResumed()).toBe(false);
  });

  it("takes a certificate that fits, and no other", async () => {
    const result = await (await implicit(good))({ tls: trusting("implicit") });
    expect(briefResult(result)).toEqual(taken);
    expect(result.facts.tls).toMatchObject({ verifiedBy: "pkix" });
    const refused = await (await implicit(other))({ tls: trusting("implicit") });
    expect(briefResult(refused)).toEqual(["unreachable at tls: 451 4.4.2"]);
    expect(fault(refused)).toBe("certificate-host-mismatch");
  });
});

describe("REQUIRETLS", () => {
  const envelope = { ...outboundRequest({}).envelope, requiresTls: true };
  it("goes to a host that shows itself and promises the same (RFC 8689)", async () => {
    const { send, server } = await serve(startsTls(good));
    expect(briefResult(await send({ envelope, tls: trusting("verified") }))).toEqual(taken);
    expect(server.peers[0]?.chunks.join("")).toContain("MAIL FROM:<ann@example.net> REQUIRETLS\r\n");
  });
  it.each<[string, TlsRequirement["level"], () => Identity]>([
    ["in clear", "none", () => good],
    ["with a certificate that does not fit", "required", () => other],
    ["with a certificate that does not fit", "opportunistic", () => other],
  ])("is not sent %s, %#", async (_, level, identity) => {
    const { send, server } = await serve(startsTls(identity()));
    expect(briefResult(await send({ envelope, tls: trusting(level) }))).toEqual(["unreachable at tls: 550 5.7.30"]);
    expect(server.peers[0]?.chunks.join("")).not.toContain("MAIL");
  });
});
