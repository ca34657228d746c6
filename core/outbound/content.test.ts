import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { largeMessage, SmtpTalks, speakUntilContent } from "../testing/smtp-talk.ts";

const talks = new SmtpTalks();
afterEach(() => talks.close());

describe("content", () => {
  it("that is refused before its end is not sent any further", async () => {
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(10_000);
        peer.say("552 5.3.4 too much");
        await peer.gone();
      },
      { message: largeMessage },
    );
    expect(brief).toEqual(["1: 552 5.3.4 at end"]);
  });

  it("that is taken before its end is not taken", async () => {
    const { brief } = await talks.converse(
      async (peer) => {
        await speakUntilContent(peer);
        await peer.octets(10_000);
        peer.say("250 2.0.0 fine");
        await peer.gone();
      },
      { message: largeMessage },
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
      const { brief } = await talks.converse(
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
    const text = Buffer.from("Subject: x\r\n");
    for (const extension of ["8BITMIME", "CHUNKING"]) {
      for (const sizeBytes of [5, 500]) {
        for (const inMemory of [null, [text]]) {
          const message = { sizeBytes, inMemory: () => inMemory, content: () => Readable.from([text]) };
          let received = "";
          const { brief } = await talks.converse(
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
      }
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
        const { brief } = await talks.converse(
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
    const { server } = await talks.converse(async (peer) => {
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
    const { brief, server } = await talks.converse(async (peer) => {
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
    const { brief } = await talks.converse(async (peer) => {
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
