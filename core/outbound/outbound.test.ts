import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { sessionOf } from "../testing/mail.ts";
import { briefResult, outboundRequest, type RequestOf, testOutbound } from "../testing/outbound.ts";
import { type Peer, type PeerServer, startPeerServer } from "../testing/smtp-peer.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const client = () => {
  const outbound = testOutbound();
  closing.push(() => outbound.close());
  return outbound;
};
async function serve(script: (peer: Peer) => Promise<void>, at?: { path: string }): Promise<PeerServer> {
  const server = await startPeerServer(script, at);
  closing.push(() => server.close());
  return server;
}
/** One message to a peer with this script. */
async function converse(script: (peer: Peer) => Promise<void>, request: RequestOf = {}) {
  const server = await serve(script);
  const result = await client().send(outboundRequest({ port: server.port, ...request }));
  return { result, brief: briefResult(result), server };
}
const quick = { greetingMs: 300, helloMs: 300, mailMs: 300, rcptMs: 300, dataMs: 300, blockMs: 300, endMs: 300 };
const all = { EHLO: "250 peer.example", MAIL: "250 2.1.0 ok", RCPT: "250 2.1.5 ok", DATA: "354 go on" };
/** Answers as told, content included, until the client leaves. */
async function speak(peer: Peer, replies: Readonly<Record<string, string>>): Promise<void> {
  const { ".": end = "250 2.0.0 taken", greeting = "220 peer.example", ...verbs } = { ...all, ...replies };
  const { DATA: ready, ...others } = verbs;
  peer.say(greeting);
  for (;;) {
    const line = await peer.answer(others);
    if (line !== "DATA") return;
    peer.say(ready);
    if (!ready.startsWith("354")) continue;
    await peer.until(".\r\n");
    peer.say(...end.split("\n"));
  }
}

describe("a conversation without extensions", () => {
  it("goes step by step and ends with the content, dots stuffed", async () => {
    const said: string[] = [];
    const { brief } = await converse(async (peer) => {
      peer.say("220 peer.example");
      for (const reply of ["250 peer.example", "250 2.1.0 ok", "250 2.1.5 ok", "354 go on"]) {
        said.push(await peer.line());
        peer.say(reply);
      }
      said.push(await peer.content());
      peer.say("250 2.0.0 taken");
    });
    expect(brief).toEqual(["1: 250 2.0.0 at end"]);
    expect(said).toEqual([
      "EHLO us.example",
      "MAIL FROM:<ann@example.net>",
      "RCPT TO:<bob@example.org>",
      "DATA",
      "Subject: x\r\n\r\n..dot\r\n",
    ]);
  });

  it("falls back to HELO (RFC 5321 3.2)", async () => {
    const { brief } = await converse(async (peer) => {
      await speak(peer, { EHLO: "502 5.5.1 what?", HELO: "250 peer.example", DATA: "451 4.3.0 later" });
    });
    expect(brief).toEqual(["1: 451 4.3.0 at data"]);
  });
});

describe("what a host answers is what a recipient gets", () => {
  const two = ["bob@example.org", "eve@example.org"];
  it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
    ["a greeting of 554", { greeting: "554 5.3.2 no" }, ["unreachable at greeting: 554 5.3.2"]],
    ["a greeting of 421", { greeting: "421 4.3.2 busy" }, ["unreachable at greeting: 421 4.3.2"]],
    ["a greeting of 250", { greeting: "250 hello" }, ["unreachable at greeting: 451 4.4.2"]],
    ["garbage for a greeting", { greeting: "SSH-2.0-OpenSSH" }, ["unreachable at greeting: 451 4.4.2"]],
    ["EHLO and HELO refused", { EHLO: "550 5.7.1 no", HELO: "550 5.7.2 no" }, ["unreachable at hello: 550 5.7.2"]],
    ["EHLO 421", { EHLO: "421 4.3.2 bye" }, ["unreachable at hello: 421 4.3.2"]],
    ["MAIL 550", { MAIL: "550 5.7.1 no" }, ["1: 550 5.7.1 at mail", "2: 550 5.7.1 at mail"]],
    ["MAIL 451", { MAIL: "451 4.7.1 no" }, ["1: 451 4.7.1 at mail", "2: 451 4.7.1 at mail"]],
    ["MAIL 421", { MAIL: "421 4.3.2 bye" }, ["unreachable at mail: 421 4.3.2"]],
    ["MAIL 354", { MAIL: "354 go on" }, ["unreachable at mail: 451 4.4.2"]],
    ["RCPT 550", { RCPT: "550 5.1.1 no" }, ["1: 550 5.1.1 at rcpt", "2: 550 5.1.1 at rcpt"]],
    ["RCPT 421", { RCPT: "421 4.3.2 bye" }, ["unreachable at rcpt: 421 4.3.2"]],
    ["DATA 451", { DATA: "451 4.3.0 no" }, ["1: 451 4.3.0 at data", "2: 451 4.3.0 at data"]],
    ["DATA 554", { DATA: "554 5.5.1 no" }, ["1: 554 5.5.1 at data", "2: 554 5.5.1 at data"]],
    ["DATA 250", { DATA: "250 done" }, ["unreachable at data: 451 4.4.2"]],
    ["DATA 421", { DATA: "421 4.3.2 bye" }, ["unreachable at data: 421 4.3.2"]],
    ["content 452", { ".": "452 4.3.1 full" }, ["1: 452 4.3.1 at end", "2: 452 4.3.1 at end"]],
    ["content 554", { ".": "554 5.7.1 spam" }, ["1: 554 5.7.1 at end", "2: 554 5.7.1 at end"]],
    ["content 421", { ".": "421 4.3.2 bye" }, ["1: 421 4.3.2 at end", "2: 421 4.3.2 at end"]],
    ["content 354", { ".": "354 more" }, ["lost: 451 4.4.2"]],
    ["garbage for the content", { ".": "OK" }, ["lost: 451 4.4.2"]],
  ])("%s", async (_, replies, expected) => {
    for (const extensions of ["250 peer.example", "250-peer.example\n250 PIPELINING"]) {
      const { brief } = await converse((peer) => speak(peer, { EHLO: extensions, ...replies }), { to: two });
      expect(brief).toEqual(expected);
    }
  });

  it("is told apart recipient by recipient, pipelined or not", async () => {
    for (const extensions of [
      "250 peer.example",
      "250-peer.example\n250 PIPELINING",
      "250-peer.example\n250-PIPELINING\n250 CHUNKING",
    ]) {
      const to = ["bad@example.org", "bob@example.org", "full@example.org"];
      const { brief } = await converse(
        async (peer) => {
          peer.say("220 peer.example");
          await peer.answer({ EHLO: extensions });
          peer.say("250 ok");
          for (const reply of ["550 5.1.1 no", "250 ok", "452 4.2.2 full"]) {
            await peer.line();
            peer.say(reply);
          }
          const command = await peer.line();
          if (command === "DATA") {
            peer.say("354 go on");
            await peer.content();
          } else await peer.octets(Number(/^BDAT (\d+) LAST$/.exec(command)?.[1]));
          peer.say("250 2.0.0 taken");
        },
        { to },
      );
      expect(brief).toEqual(["1: 550 5.1.1 at rcpt", "2: 250 2.0.0 at end", "3: 452 4.2.2 at rcpt"]);
    }
  });
});

describe("connections that break", () => {
  const stages = ["greeting", "EHLO", "MAIL", "RCPT", "DATA"] as const;
  it.each(stages)("before the answer to %s: nothing has happened, another host may be asked", async (stage) => {
    for (const extensions of ["250 peer.example", "250-peer.example\n250 PIPELINING"]) {
      const { brief, result } = await converse(async (peer) => {
        if (stage === "greeting") return peer.close();
        const replies = Object.entries({ ...all, EHLO: extensions }).filter(([verb]) => verb !== stage);
        peer.say("220 peer.example");
        await peer.answer(Object.fromEntries(replies));
        peer.close();
      });
      const phase = stage === "EHLO" ? "hello" : stage.toLowerCase();
      expect(brief).toEqual([`unreachable at ${phase}: 451 4.4.2`]);
      expect(result.at === "unreachable" && result.reply.host).toBe(null);
    }
  });

  it("before the final dot: nothing has happened", async () => {
    const message = {
      sizeBytes: 1_000_000,
      inMemory: () => null,
      content: () => Readable.from(endless(), { objectMode: false }),
    };
    const { brief } = await converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(100);
        peer.destroy();
      },
      { message },
    );
    expect(brief).toEqual(["unreachable at end: 451 4.4.2"]);
  });

  it("behind the final dot: the host may have taken it", async () => {
    const { brief } = await converse(async (peer) => {
      await speakUntilContent(peer);
      await peer.content();
      peer.close();
    });
    expect(brief).toEqual(["lost: 451 4.4.2"]);
  });

  it("behind the last octet of BDAT: the same, and what recipients were told stands", async () => {
    const { brief } = await converse(
      async (peer) => {
        await peer.greet("PIPELINING", "CHUNKING");
        await peer.until("LAST\r\n");
        peer.say("250 ok", "550 5.1.1 no", "250 ok");
        peer.close();
      },
      { to: ["bad@example.org", "bob@example.org"] },
    );
    expect(brief).toEqual(["1: 550 5.1.1 at rcpt", "lost: 451 4.4.2"]);
  });

  it("in the midst of recipients: who was refused is refused", async () => {
    const { brief } = await converse(
      async (peer) => {
        await peer.greet();
        await peer.answer({ MAIL: "250 ok" });
        peer.say("550 5.1.1 no");
        await peer.line();
        peer.close();
      },
      { to: ["bad@example.org", "bob@example.org"] },
    );
    expect(brief).toEqual(["1: 550 5.1.1 at rcpt", "2: 451 4.4.2 at rcpt"]);
  });

  it("where nobody listens", async () => {
    const server = await serve(async () => undefined);
    await server.close();
    const result = await client().send(outboundRequest({ port: server.port }));
    expect(briefResult(result)).toEqual(["unreachable at connect: 451 4.4.2"]);
    expect(result.facts.address).toBe(null);
  });

  it("because the delivery is called off", async () => {
    const calledOff = new AbortController();
    const { brief, server } = await converse(
      async (peer) => {
        await peer.greet();
        await peer.line();
        calledOff.abort();
        await peer.gone();
      },
      { signal: calledOff.signal },
    );
    expect(brief).toEqual(["unreachable at mail: 451 4.4.2"]);
    expect(server.faults).toEqual([]);
  });
});

describe("time", () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    ["greeting", {}, "unreachable at greeting: 451 4.4.2"],
    ["EHLO", { greeting: "220 hello" }, "unreachable at hello: 451 4.4.2"],
    ["MAIL", { greeting: "220 hello", EHLO: all.EHLO }, "unreachable at mail: 451 4.4.2"],
    ["RCPT", { greeting: "220 hello", EHLO: all.EHLO, MAIL: all.MAIL }, "unreachable at rcpt: 451 4.4.2"],
    [
      "DATA",
      { greeting: "220 hello", EHLO: all.EHLO, MAIL: all.MAIL, RCPT: all.RCPT },
      "unreachable at data: 451 4.4.2",
    ],
  ])("a host that is silent at %s is left", async (_, { greeting, ...replies }, expected) => {
    const { brief } = await converse(
      async (peer) => {
        if (greeting !== undefined) peer.say(greeting);
        await peer.answer(replies);
        await peer.gone();
      },
      { timeouts: quick },
    );
    expect(brief).toEqual([expected]);
  });

  it("a host that is silent behind the content may have it", async () => {
    const { brief } = await converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.content();
        await peer.gone();
      },
      { timeouts: { endMs: 300 } },
    );
    expect(brief).toEqual(["lost: 451 4.4.2"]);
  });

  it("a trickle of octets makes it no longer", async () => {
    const { brief } = await converse(
      async (peer) => {
        const trickle = setInterval(() => peer.socket.write("220-x\r\n"), 30);
        await peer.gone();
        clearInterval(trickle);
      },
      { timeouts: { greetingMs: 300 } },
    );
    expect(brief).toEqual(["unreachable at greeting: 451 4.4.2"]);
  });

  it("a host that takes nothing of the content is left", async () => {
    const message = {
      sizeBytes: 1e9,
      inMemory: () => null,
      content: () => Readable.from(endless(), { objectMode: false }),
    };
    const { brief } = await converse(
      async (peer) => {
        await speakUntilContent(peer);
        peer.socket.pause();
        await new Promise((gone) => peer.socket.once("close", gone));
      },
      { message, timeouts: { blockMs: 300 } },
    );
    expect(brief).toEqual(["unreachable at end: 451 4.4.2"]);
  });
});

describe("content", () => {
  it("that is refused before its end is not sent any further", async () => {
    const message = {
      sizeBytes: 1e9,
      inMemory: () => null,
      content: () => Readable.from(endless(), { objectMode: false }),
    };
    const { brief } = await converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(10_000);
        peer.say("552 5.3.4 too much");
        await peer.gone();
      },
      { message },
    );
    expect(brief).toEqual(["1: 552 5.3.4 at end"]);
  });

  it("that is taken before its end is not taken", async () => {
    const message = {
      sizeBytes: 1e9,
      inMemory: () => null,
      content: () => Readable.from(endless(), { objectMode: false }),
    };
    const { brief } = await converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(10_000);
        peer.say("250 2.0.0 fine");
        await peer.gone();
      },
      { message },
    );
    expect(brief).toEqual(["unreachable at end: 451 4.4.2"]);
  });

  it("that cannot be read is never ended", async () => {
    async function* broken() {
      yield Buffer.from("Subject: x\r\n");
      throw new Error("EIO: the disk is on fire");
    }
    for (const extension of ["8BITMIME", "CHUNKING"]) {
      const message = {
        sizeBytes: 1_000,
        inMemory: () => null,
        content: () => Readable.from(broken(), { objectMode: false }),
      };
      let received = "";
      const { brief } = await converse(
        async (peer) => {
          await peer.greet(extension);
          const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
          if (line === "DATA") peer.say("354 go on");
          await peer.gone();
          received = peer.chunks.join("");
        },
        { message },
      );
      expect(brief).toEqual(["1: 451 4.3.0 at data"]);
      expect(received).not.toContain("\r\n.\r\n");
    }
  });

  it("that is not as long as was announced breaks the connection before it is whole", async () => {
    for (const sizeBytes of [5, 500]) {
      const message = {
        sizeBytes,
        inMemory: () => null,
        content: () => Readable.from([Buffer.from("Subject: x\r\n")]),
      };
      const { brief } = await converse(
        async (peer) => {
          await peer.greet("CHUNKING");
          await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
          await peer.gone();
        },
        { message },
      );
      expect(brief).toEqual(["1: 451 4.3.0 at data"]);
    }
  });

  it("of any size goes through whole, by DATA and by BDAT", async () => {
    const octets = Buffer.alloc(17 * 100_000, "0123456789.\r\n.x\r\n");
    for (const extension of ["PIPELINING", "CHUNKING"]) {
      for (const inMemory of [null, [octets.subarray(0, 1_000), octets.subarray(1_000)]]) {
        const message = {
          sizeBytes: octets.length,
          inMemory: () => inMemory,
          content: () => Readable.from([octets.subarray(0, 70_001), octets.subarray(70_001)]),
        };
        let received = "";
        const { brief } = await converse(
          async (peer) => {
            await peer.greet(extension);
            const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
            if (line === "DATA") {
              peer.say("354 go on");
              received = (await peer.content()).replaceAll(/(^|\r\n)\./g, "$1");
            } else received = await peer.octets(octets.length);
            peer.say("250 2.0.0 taken");
          },
          { message },
        );
        expect(brief).toEqual(["1: 250 2.0.0 at end"]);
        expect(received === octets.toString("latin1")).toBe(true);
      }
    }
  });
});

describe("few writes", () => {
  it("with PIPELINING: the envelope is one, the content another", async () => {
    const { server } = await converse(async (peer) => {
      await peer.greet("PIPELINING");
      const line = await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
      if (line === "DATA") peer.say("354 go on");
      await peer.content();
      peer.say("250 2.0.0 taken");
    });
    expect(server.peers[0]?.chunks).toEqual([
      "EHLO us.example\r\n",
      "MAIL FROM:<ann@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n",
      "Subject: x\r\n\r\n..dot\r\n.\r\n",
    ]);
  });
  it("with CHUNKING beside it: everything is one", async () => {
    const { brief, server } = await converse(async (peer) => {
      await peer.greet("PIPELINING", "CHUNKING");
      await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
      await peer.octets(20);
      peer.say("250 2.0.0 taken");
    });
    expect(brief).toEqual(["1: 250 2.0.0 at end"]);
    expect(server.peers[0]?.chunks.slice(1)).toEqual([
      "MAIL FROM:<ann@example.net>\r\nRCPT TO:<bob@example.org>\r\nBDAT 20 LAST\r\nSubject: x\r\n\r\n.dot\r\n",
    ]);
  });
  it("a host that wants content for nobody gets a lone dot (RFC 2920 3.1)", async () => {
    let content = "";
    const { brief } = await converse(async (peer) => {
      await peer.greet("PIPELINING");
      await peer.answer({ MAIL: "250 ok", RCPT: "550 5.1.1 no" });
      peer.say("354 go on");
      content = await peer.until(".\r\n");
      peer.say("554 5.5.1 nobody there");
    });
    expect(brief).toEqual(["1: 550 5.1.1 at rcpt"]);
    expect(content).toBe(".\r\n");
  });
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
    const { brief, server } = await converse(
      (peer) => speak(peer, { EHLO: "250-peer.example\n250 SIZE 1000" }),
      request,
    );
    expect(brief).toEqual([`1: ${expected} at hello`]);
    expect(server.peers[0]?.chunks.join("")).toBe("EHLO us.example\r\n");
  });

  it("8bit text is re-encoded where it may be (RFC 6152 3)", async () => {
    let content = "";
    const { brief } = await converse(
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
      const server = await serve(async (peer) => {
        await peer.greet(...extensions);
        await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
        peer.say("451 4.3.0 enough");
      });
      await client().send({
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
    const { brief, server } = await converse(
      (peer) => speak(peer, { EHLO: "250-peer.example\n250 LIMITS RCPTMAX=2" }),
      { to },
    );
    expect(brief).toEqual(["1: 250 2.0.0 at end", "2: 250 2.0.0 at end", "3: 250 2.0.0 at end"]);
    expect(server.peers).toHaveLength(1);
    expect(server.peers[0]?.chunks.join("").match(/^MAIL/gm)).toHaveLength(2);
  });

  it("who had no room beside others goes in the next transaction (RFC 5321 4.5.3.1.10)", async () => {
    let asked = 0;
    const { brief } = await converse(
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
    const { server } = await converse(
      (peer) =>
        speak(peer, { EHLO: "250-peer.example\n250 XFORWARD NAME ADDR PORT PROTO HELO SOURCE", XFORWARD: "250 ok" }),
      { forwards: { id: "E7", origin: "smtp", session } },
    );
    expect(server.peers[0]?.chunks[1]).toBe(
      "XFORWARD NAME=client.example ADDR=IPV6:2001:db8::1 PORT=4711 PROTO=ESMTP HELO=a+2Bb+20c SOURCE=REMOTE\r\n",
    );
  });

  it("a question ends behind the recipients", async () => {
    const { brief, server } = await converse(
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
    closing.push(() => rm(directory, { recursive: true }));
    const path = join(directory, "lmtp");
    for (const extension of ["PIPELINING", "CHUNKING"]) {
      const server = await serve(
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
      const result = await client().send(outboundRequest(lmtp({ place: { name: "localhost", path }, to })));
      expect(briefResult(result)).toEqual(["1: 550 5.1.1 at rcpt", "2: 250 2.0.0 at end", "3: 452 4.2.2 at end"]);
      expect(result.facts.address).toBe(`unix:${path}`);
      await server.close();
    }
  });
  it("a connection that breaks between the answers leaves those who had theirs", async () => {
    const { brief } = await converse(
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
    const { brief } = await converse((peer) => speak(peer, { LHLO: "500 5.5.1 what?" }), lmtp({}));
    expect(brief).toEqual(["unreachable at hello: 500 5.5.1"]);
  });
});

async function speakUntilContent(peer: Peer): Promise<void> {
  await peer.greet();
  await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
  peer.say("354 go on");
}

function* endless() {
  yield Buffer.from("Subject: x\r\n\r\n");
  for (let count = 0; count < 4_000; count += 1) yield Buffer.alloc(16_384, "x");
}
