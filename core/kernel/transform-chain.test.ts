/** Each transform sees what the former made, and nothing of a message survives a fault. */
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import type { Message } from "../contracts/envelope.ts";
import type { Hooks } from "../contracts/hooks.ts";
import { Spool } from "../contracts/spool.ts";
import type { Intake } from "../contracts/submit.ts";
import { kernelOf, kernelWith, type Listed } from "../testing/kernel.ts";
import { addressOf, envelopeOf, messageOf } from "../testing/mail.ts";
import { definePlugin } from "./define.ts";
import { amend, proceed } from "./verdicts.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin({ name, api: 1, setup: () => ({ hooks }) });
const message = messageOf("Subject: x\nX-Old: 1\n\nbody\n");
const prepare = async (...plugins: readonly Listed[]) =>
  (await kernelWith({ services: [[Spool, memorySpool]] }, ...plugins)).transform("prepare", envelopeOf(), message);

/** Takes bytes into memory, as a spool does with a message of common size. */
const memorySpool = {
  receive(): Intake {
    const pieces: Uint8Array[] = [];
    return {
      write(piece) {
        pieces.push(piece);
      },
      get sizeBytes() {
        return Buffer.concat(pieces).length;
      },
      end: async () => messageOf(Buffer.concat(pieces).toString()),
      async abort() {
        pieces.length = 0;
      },
    };
  },
};

const textOf = async (edited: Message) => (await buffer(edited.content())).toString();

describe("a transform chain", () => {
  it("leaves the message alone when nobody changes it", async () => {
    const result = await prepare(plugin("a", { prepare: () => proceed }));
    expect(result.message).toBe(message);
    expect(result.fault).toBeNull();
  });

  it("shows each plugin what the former made", async () => {
    const result = await prepare(
      plugin("a", { prepare: () => amend({ op: "prepend", header: "X-A", value: "1" }) }),
      plugin("b", {
        prepare: async (_envelope, { headers }) =>
          amend(
            { op: "append", header: "X-B", value: `saw ${headers.get("x-a")}` },
            { op: "removeHeader", header: "x-old" },
          ),
      }),
    );
    expect(await textOf(result.message)).toBe("X-A: 1\r\nSubject: x\r\nX-B: saw 1\r\n\r\nbody\r\n");
    expect(message.headers.get("x-old")).toBe("1");
  });

  it("shows each plugin the sender that the former gave", async () => {
    const senders: unknown[] = [];
    await prepare(
      plugin("a", { prepare: () => amend({ op: "reversePath", address: addressOf("new@example.org") }) }),
      plugin("b", {
        prepare: ({ reversePath }) => {
          senders.push(String(reversePath));
          return proceed;
        },
      }),
    );
    expect(senders).toEqual(["new@example.org"]);
  });

  it("gives back what concerns the envelope, and only that", async () => {
    const result = await prepare(
      plugin("a", {
        prepare: () => amend({ op: "hold", reason: "odd" }, { op: "prepend", header: "X-A", value: "1" }),
      }),
    );
    expect(result.changes).toEqual([{ op: "hold", reason: "odd" }]);
  });

  it("replaces a body through the spool's intake, with CRLF at every line end", async () => {
    const result = await prepare(
      plugin("a", {
        prepare: () => amend({ op: "replaceBody", body: Readable.from([Buffer.from("new\nbo\r"), "\ndy\r"]) }),
      }),
    );
    expect(await textOf(result.message)).toBe("Subject: x\r\nX-Old: 1\r\n\r\nnew\r\nbo\r\ndy\r\n");
  });

  it("is a fault when the new body breaks off", async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error("gone"));
      },
    });
    const result = await prepare(plugin("a", { prepare: () => amend({ op: "replaceBody", body: broken }) }));
    expect(result).toMatchObject({ by: "a", fault: { verdict: "defer", refusal: { code: 451 } } });
  });

  it("ends with a fault, which later plugins do not see", async () => {
    let isReached = false;
    const result = await prepare(
      plugin("a", {
        prepare() {
          throw new Error("out of cheese");
        },
      }),
      plugin("b", {
        prepare() {
          isReached = true;
          return proceed;
        },
      }),
    );
    expect(result).toMatchObject({ by: "a", fault: { verdict: "defer" } });
    expect(isReached).toBe(false);
  });

  it.each([
    ["a header name with a space", { op: "prepend", header: "X A", value: "1" }],
    ["a header name that ends the line", { op: "prepend", header: "X\r\nA", value: "1" }],
    ["a header value that smuggles a field", { op: "append", header: "X-A", value: "1\r\nBcc: eve@example.net" }],
    ["a header value that smuggles a body", { op: "append", header: "X-A", value: "1\r\n\r\nhello" }],
    ["a header value with an empty folded line", { op: "append", header: "X-A", value: "1\r\n \r\n 2" }],
    ["a header value with a NUL", { op: "append", header: "X-A", value: "1\0" }],
    ["a value that is no text", { op: "append", header: "X-A", value: 1 }],
    ["an unknown change", { op: "prepent", header: "X-A", value: "1" }],
    ["a body that is no stream", { op: "replaceBody", body: "text" }],
    ["a redirect to nowhere", { op: "redirect", address: { localPart: "", domain: "example.org" } }],
    ["a redirect that smuggles a command", { op: "redirect", address: { localPart: "a>\r\nDATA", domain: "b" } }],
    ["a label that cannot be written down", { op: "label", label: "x", value: () => 1 }],
  ])("takes %s for a fault", async (_, change) => {
    const kernel = await kernelOf(plugin("a", { prepare: () => amend(change as never) }));
    expect((await kernel.transform("prepare", envelopeOf(), message)).fault).toMatchObject({ verdict: "defer" });
  });

  it("keeps the folding that a signer wrote", async () => {
    const value = "v=1; a=rsa-sha256;\r\n\tb=abc\r\n def";
    const result = await prepare(
      plugin("sign-x", { prepare: () => amend({ op: "prepend", header: "DKIM-Signature", value }) }),
    );
    expect(await textOf(result.message)).toContain(`DKIM-Signature: ${value}\r\nSubject`);
  });
});
