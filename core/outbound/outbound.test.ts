import { afterEach, describe, expect, it } from "vitest";
import { briefResult, outboundRequest } from "../testing/outbound.ts";
import { largeMessage, SmtpTalks, speak, speakUntilContent, usualReplies } from "../testing/smtp-talk.ts";

const talks = new SmtpTalks();
afterEach(() => talks.close());
const quick = { greetingMs: 300, helloMs: 300, mailMs: 300, rcptMs: 300, dataMs: 300, blockMs: 300, endMs: 300 };

describe("a conversation without extensions", () => {
  it("goes step by step and ends with the content, dots stuffed", async () => {
    const said: string[] = [];
    const { brief } = await talks.converse(async (peer) => {
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
    const { brief } = await talks.converse(async (peer) => {
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
      const { brief } = await talks.converse((peer) => speak(peer, { EHLO: extensions, ...replies }), { to: two });
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
      const { brief } = await talks.converse(
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
      const { brief, result } = await talks.converse(async (peer) => {
        if (stage === "greeting") return peer.close();
        const replies = Object.entries({ ...usualReplies, EHLO: extensions }).filter(([verb]) => verb !== stage);
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
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(100);
        peer.destroy();
      },
      { message: largeMessage },
    );
    expect(brief).toEqual(["unreachable at end: 451 4.4.2"]);
  });

  it("behind the final dot: the host may have taken it", async () => {
    const { brief } = await talks.converse(async (peer) => {
      await speakUntilContent(peer);
      await peer.content();
      peer.close();
    });
    expect(brief).toEqual(["lost: 451 4.4.2"]);
  });

  it("behind the last octet of BDAT: the same, and what recipients were told stands", async () => {
    const { brief } = await talks.converse(
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

  it.each([["PIPELINING"], ["PIPELINING", "CHUNKING"]])(
    "behind a refusal of MAIL: the refusal is the answer, %s",
    async (...extensions) => {
      const { brief } = await talks.converse(
        async (peer) => {
          await peer.greet(...extensions);
          await peer.until("RCPT TO:<bob@example.org>\r\n");
          peer.say("451 4.7.1 not from you now");
          peer.close();
        },
        { to: ["bob@example.org"] },
      );
      expect(brief).toEqual(["1: 451 4.7.1 at mail"]);
    },
  );

  it("in the midst of recipients: who was refused is refused", async () => {
    const { brief } = await talks.converse(
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
    const server = await talks.serve(async () => undefined);
    await server.close();
    const result = await talks.client().send(outboundRequest({ port: server.port }));
    expect(briefResult(result)).toEqual(["unreachable at connect: 451 4.4.2"]);
    expect(result.facts.address).toBe(null);
  });

  it("because the delivery is called off", async () => {
    const calledOff = new AbortController();
    const { brief, server } = await talks.converse(
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
    ["MAIL", { greeting: "220 hello", EHLO: usualReplies.EHLO }, "unreachable at mail: 451 4.4.2"],
    [
      "RCPT",
      { greeting: "220 hello", EHLO: usualReplies.EHLO, MAIL: usualReplies.MAIL },
      "unreachable at rcpt: 451 4.4.2",
    ],
    [
      "DATA",
      { greeting: "220 hello", EHLO: usualReplies.EHLO, MAIL: usualReplies.MAIL, RCPT: usualReplies.RCPT },
      "unreachable at data: 451 4.4.2",
    ],
  ])("a host that is silent at %s is left", async (_, { greeting, ...replies }, expected) => {
    const { brief } = await talks.converse(
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
    const { brief } = await talks.converse(
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
    const { brief } = await talks.converse(
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
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        peer.socket.pause();
        await new Promise((gone) => peer.socket.once("close", gone));
      },
      { message: largeMessage, timeouts: { blockMs: 300 } },
    );
    expect(brief).toEqual(["unreachable at end: 451 4.4.2"]);
  });
});
