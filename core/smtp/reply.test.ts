import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reply } from "./reply.ts";

describe("reply", () => {
  it("repeats code and enhanced code on every line", () => {
    expect(reply(550, "5.7.1", ["one", "two"]).wire).toBe("550-5.7.1 one\r\n550 5.7.1 two\r\n");
  });

  it("goes without an enhanced code where there is none", () => {
    expect(reply(354, null, "Go").wire).toBe("354 Go\r\n");
  });

  it("splits a text at its line ends and lets none through", () => {
    expect(reply(450, "4.7.1", "one\r\n250 two\rthree\nfour").wire).toBe(
      "450-4.7.1 one\r\n450-4.7.1 250 two\r\n450-4.7.1 three\r\n450 4.7.1 four\r\n",
    );
  });

  it("writes neither control characters nor, unasked, anything but ASCII", () => {
    expect(reply(550, null, "a\u0000b\u001b[31m\u0085\u00e9").wire).toBe("550 a b [31m ?\r\n");
    expect(reply(550, null, "caf\u00e9", { utf8: true }).wire).toBe("550 caf\u00e9\r\n");
  });

  it("closes with 421 and where it is told", () => {
    expect(reply(421, null, "x").closes).toBe(true);
    expect(reply(554, null, "x").closes).toBe(false);
    expect(reply(554, null, "x", { closes: true }).closes).toBe(true);
  });

  it("keeps every line to 512 octets and the whole to fifty lines, whatever the text", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 3000 }),
      fc.string({ minLength: 600, maxLength: 3000 }),
    );
    fc.assert(
      fc.property(anything, fc.boolean(), (text, utf8) => {
        const lines = reply(550, "5.7.1", text, { utf8 }).wire.split("\r\n");
        expect(lines.pop()).toBe("");
        expect(lines.length).toBeLessThanOrEqual(50);
        for (const [index, line] of lines.entries()) {
          expect(Buffer.byteLength(line) + 2).toBeLessThanOrEqual(512);
          expect(line).toMatch(index === lines.length - 1 ? /^550 5\.7\.1 / : /^550-5\.7\.1 /);
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        }
      }),
    );
  });
});
