import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sessionOf } from "../testing/mail.ts";
import { briefResult, outboundRequest, type RequestOf } from "../testing/outbound.ts";
import { SmtpTalks, speak, speakUntilContent } from "../testing/smtp-talk.ts";

const talks = new SmtpTalks();
const directories: string[] = [];
afterEach(async () => {
  await talks.close();
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

describe("what a host cannot take", () => {
  const envelope = outboundRequest({}).envelope;
  it.each<[string, RequestOf, string]>([
    ["SMTPUTF8 of the message", { envelope: { ...envelope, isSmtpUtf8: true } }, "550 5.6.7"],
    ["SMTPUTF8 of a recipient", { to: ["j\u00f6rg@example.org"] }, "550 5.6.7"],
    ["BINARYMIME", { envelope: { ...envelope, body: "binarymime" } }, "554 5.6.3"],
    ["SIZE", { content: "x".repeat(1_001) }, "552 5.3.4"],
    [
      "8BITMIME, and it is signed",
      {
        envelope: { ...envelope, body: "8bitmime" },
        content:
          "DKIM-Signature: v=1; a=rsa-sha256; d=x; b=y\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\n\nA letter for j\u00f6rg, mostly in ASCII, as letters are.\n",
      },
      "554 5.6.3",
    ],
  ])("is not offered: %s", async (_, request, expected) => {
    const { brief, server } = await talks.converse(
      (peer) => speak(peer, { EHLO: "250-peer.example\n250 SIZE 1000" }),
      request,
    );
    expect(brief).toEqual([`1: ${expected} at hello`]);
    expect(server.peers[0]?.chunks.join("")).toBe("EHLO us.example\r\n");
  });

  it("8bit text is re-encoded where it may be (RFC 6152 3)", async () => {
    let content = "";
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        content = await peer.content();
        peer.say("250 2.0.0 taken");
      },
      {
        envelope: { ...envelope, body: "8bitmime" },
        content:
          "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nA letter for j\u00f6rg, mostly in ASCII, as letters are.\n",
      },
    );
    expect(brief).toEqual(["1: 250 2.0.0 at end"]);
    expect(content).toContain("j=C3=B6rg");
  });
});

describe("parameters", () => {
  it("are said where they are understood, recipient by recipient", async () => {
    const request = outboundRequest({ to: ["a@example.org", "b@example.org"] });
    const [first, second] = request.recipients;
    if (first === undefined || second === undefined) throw new Error("two recipients");
    const recipients = [
      { ...first, notify: new Set(["success", "failure"] as const), orcpt: { type: "rfc822", address: "a+b@x" } },
      {
        ...second,
        notify: new Set(["never"] as const),
        orcpt: { type: "utf-8", address: "j\u00f6rg+x@b\u00fccher.example" },
      },
    ];
    const envelope = {
      ...request.envelope,
      body: "8bitmime",
      isSmtpUtf8: true,
      ret: "hdrs",
      envid: "e=1 \u00e9",
    } as const;
    const heard = async (extensions: readonly string[]) => {
      const server = await talks.serve(async (peer) => {
        await peer.greet(...extensions);
        await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
        peer.say("451 4.3.0 enough");
      });
      await talks.client().send({
        ...request,
        place: { ...request.place, port: server.port },
        envelope,
        recipients,
      } as never);
      return server.peers[0]?.chunks.slice(1).join("").split("\r\n").slice(0, 3);
    };
    expect(await heard(["SIZE", "8BITMIME", "SMTPUTF8", "DSN", "PIPELINING"])).toEqual([
      "MAIL FROM:<ann@example.net> SIZE=20 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=e+3D1+20+C3+A9",
      "RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@x",
      "RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=utf-8;j\\x{F6}rg\\x{2B}x@b\\x{FC}cher.example",
    ]);
  });

  it("limits are kept to: several transactions over one connection (RFC 9422)", async () => {
    const to = ["a@example.org", "b@example.org", "c@example.org"];
    const { brief, server } = await talks.converse(
      (peer) => speak(peer, { EHLO: "250-peer.example\n250 LIMITS RCPTMAX=2" }),
      { to },
    );
    expect(brief).toEqual(["1: 250 2.0.0 at end", "2: 250 2.0.0 at end", "3: 250 2.0.0 at end"]);
    expect(server.peers).toHaveLength(1);
    expect(server.peers[0]?.chunks.join("").match(/^MAIL/gm)).toHaveLength(2);
  });

  it("who had no room beside others goes in the next transaction (RFC 5321 4.5.3.1.10)", async () => {
    let asked = 0;
    const { brief } = await talks.converse(
      async (peer) => {
        await peer.greet();
        for (;;) {
          const line = await peer.answer({ MAIL: "250 ok" });
          if (line.startsWith("RCPT")) {
            asked += 1;
            peer.say(asked === 2 ? "452 4.5.3 too many" : "250 ok");
          } else if (line === "DATA") {
            peer.say("354 go on");
            await peer.content();
            peer.say("250 2.0.0 taken");
          } else return;
        }
      },
      { to: ["a@example.org", "b@example.org"] },
    );
    expect(brief).toEqual(["1: 250 2.0.0 at end", "2: 250 2.0.0 at end"]);
  });

  it("XFORWARD says for whom we speak, in what the host takes of it", async () => {
    const session = sessionOf({ remote: { address: "2001:db8::1", port: 4_711, hostname: "client.example" } });
    session.heloName = "a+b c";
    const { server } = await talks.converse(
      (peer) =>
        speak(peer, { EHLO: "250-peer.example\n250 XFORWARD NAME ADDR PORT PROTO HELO SOURCE", XFORWARD: "250 ok" }),
      { forwards: { id: "E7", origin: "smtp", session } },
    );
    expect(server.peers[0]?.chunks[1]).toBe(
      "XFORWARD NAME=client.example ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP HELO=a+2Bb+20c SOURCE=REMOTE\r\n",
    );
  });

  it("a question ends behind the recipients", async () => {
    const { brief, server } = await talks.converse(
      async (peer) => {
        await peer.greet("PIPELINING", "CHUNKING", "SIZE");
        await peer.answer({ MAIL: "250 2.1.0 ok" });
        peer.say("550 5.1.1 no", "252 2.1.5 perhaps");
      },
      { content: null, to: ["a@example.org", "b@example.org"] },
    );
    expect(brief).toEqual(["1: 550 5.1.1 at rcpt", "2: 252 2.1.5 at rcpt"]);
    expect(server.peers[0]?.chunks.slice(1).join("")).toBe(
      "MAIL FROM:<ann@example.net>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n",
    );
  });
});

describe("LMTP", () => {
  const lmtp = (request: RequestOf): RequestOf => ({ protocol: "lmtp", ...request });
  it("answers for each recipient, over a unix socket", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-lmtp-"));
    directories.push(directory);
    const path = join(directory, "lmtp");
    for (const extension of ["PIPELINING", "CHUNKING"]) {
      const server = await talks.serve(
        async (peer) => {
          expect(await peer.greet("PIPELINING", extension)).toBe("LHLO us.example");
          await peer.line();
          peer.say("250 ok", "550 5.1.1 no", "250 ok", "250 ok");
          for (let count = 0; count < 3; count += 1) await peer.line();
          const command = await peer.line();
          if (command === "DATA") {
            peer.say("354 go on");
            await peer.content();
          } else await peer.octets(20);
          peer.say("250 2.0.0 kept", "452 4.2.2 full");
        },
        { path },
      );
      const to = ["bad@example.org", "bob@example.org", "full@example.org"];
      const result = await talks.client().send(outboundRequest(lmtp({ place: { name: "localhost", path }, to })));
      expect(briefResult(result)).toEqual(["1: 550 5.1.1 at rcpt", "2: 250 2.0.0 at end", "3: 452 4.2.2 at end"]);
      expect(result.facts.address).toBe(`unix:${path}`);
      await server.close();
    }
  });
  it("a connection that breaks between the answers leaves those who had theirs", async () => {
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.content();
        peer.say("250 2.0.0 kept");
        peer.close();
      },
      lmtp({ to: ["a@example.org", "b@example.org"] }),
    );
    expect(brief).toEqual(["1: 250 2.0.0 at end", "lost: 451 4.4.2"]);
  });
  it("knows no HELO", async () => {
    const { brief } = await talks.converse((peer) => speak(peer, { LHLO: "500 5.5.1 what?" }), lmtp({}));
    expect(brief).toEqual(["unreachable at hello: 500 5.5.1"]);
  });
});
