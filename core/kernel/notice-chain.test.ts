/** Notices reach everybody, and whatever their handlers do changes nothing. */
import { describe, expect, it } from "vitest";
import type { Hooks } from "../contracts/hooks.ts";
import { keptLog, kernelWith } from "../testing/kernel.ts";
import { envelopeOf } from "../testing/mail.ts";
import { definePlugin } from "./define.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin({ name, api: 1, setup: () => ({ hooks }) });

describe("a notice", () => {
  it("reaches everybody, whoever throws or rejects, and logs who did", async () => {
    const { log, lines } = keptLog();
    const told: string[] = [];
    const kernel = await kernelWith(
      { log },
      plugin("a", {
        queued() {
          throw new Error("out of cheese");
        },
      }),
      plugin("b", {
        async queued() {
          await Promise.resolve();
          throw new Error("out of wine");
        },
      }),
      plugin("c", { queued: ({ id }) => void told.push(id) }),
      plugin("d", { queued: () => new Promise(() => {}) }),
      plugin("e", { queued: ({ id }) => void told.push(id) }),
    );
    kernel.notice("queued", envelopeOf());
    expect(told).toEqual(["E1", "E1"]);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines.map(({ fields }) => [fields.entry, fields.fault])).toEqual([
      ["a", "throw"],
      ["b", "rejection"],
    ]);
  });

  it("that is under way is waited for when the kernel stops, until it has had its time", async () => {
    const { log, lines } = keptLog();
    const kernel = await kernelWith({ log }, [
      plugin("a", { queued: () => new Promise(() => {}) }),
      {},
      { timeoutMs: 20 },
    ]);
    kernel.notice("queued", envelopeOf());
    await kernel.stop();
    expect(lines[0]?.fields).toMatchObject({ entry: "a", fault: "time-out" });
  });
});
