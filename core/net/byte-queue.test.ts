import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteQueue } from "./byte-queue.ts";

describe("ByteQueue", () => {
  it("behaves as one long buffer, however the bytes came and are taken", () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.uint8Array({ minLength: 500, maxLength: 700 }),
      fc.constant(new Uint8Array([10])),
      fc.constant(new Uint8Array(5_000)),
    );
    const step = fc.oneof(
      { weight: 3, arbitrary: chunk.map((bytes) => ({ do: "push" as const, bytes })) },
      fc.nat(900).map((size) => ({ do: "take" as const, size })),
      fc.nat(900).map((size) => ({ do: "takeSome" as const, size })),
      fc.nat(900).map((size) => ({ do: "drop" as const, size })),
      fc.constant({ do: "find" as const }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const queue = new ByteQueue();
        let model = Buffer.alloc(0);
        const handedOut: { piece: Buffer; copy: Buffer }[] = [];
        const check = (piece: Buffer) => {
          expect(piece).toEqual(model.subarray(0, piece.length));
          model = model.subarray(piece.length);
          handedOut.push({ piece, copy: Buffer.from(piece) });
        };
        for (const one of steps) {
          if (one.do === "push") {
            queue.push(Buffer.from(one.bytes));
            model = Buffer.concat([model, one.bytes]);
          } else if (one.do === "find") expect(queue.indexOfLf()).toBe(model.indexOf(10));
          else if (one.do === "take" && one.size <= model.length) {
            const piece = queue.take(one.size);
            expect(piece).toHaveLength(one.size);
            check(piece);
          } else if (one.do === "takeSome" && model.length > 0 && one.size > 0) check(queue.takeSome(one.size));
          else if (one.do === "drop") {
            const dropped = queue.drop(one.size);
            expect(dropped).toBe(Math.min(one.size, model.length));
            model = model.subarray(dropped);
          }
          expect(queue.length).toBe(model.length);
          expect(queue.indexOfLf()).toBe(model.indexOf(10));
        }
        // What was handed out is never written over by what comes later.
        for (const { piece, copy } of handedOut) expect(piece).toEqual(copy);
      }),
      { numRuns: 300 },
    );
  });

  it("finds LF again after looking in vain while a small chunk grew", () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from("abc"));
    queue.push(Buffer.from("d"));
    expect(queue.indexOfLf()).toBe(-1);
    queue.push(Buffer.from("e\nf"));
    expect(queue.indexOfLf()).toBe(5);
    expect(queue.take(6).toString()).toBe("abcde\n");
    expect(queue.take(1).toString()).toBe("f");
  });

  it("does not keep an object for each byte that came alone", () => {
    const queue = new ByteQueue();
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < 100_000; at++) queue.push(Buffer.from([65]));
    expect(queue.length).toBe(100_000);
    expect(queue.take(100_000).every((octet) => octet === 65)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  });
});
