/** What a synchronous chain costs: nothing asynchronous at all, and about a microsecond for ten handlers. */
import { describe, expect, it } from "vitest";
import { kernelOf } from "../testing/kernel.ts";
import { definePlugin } from "./define.ts";
import { createSession } from "./session.ts";
import { proceed, reject } from "./verdicts.ts";

const session = createSession({
  id: "s1",
  protocol: "smtp",
  listener: { name: "mx-25", role: "mx" },
  local: { address: "127.0.0.1", port: 25 },
  remote: { address: "192.0.2.1", port: 4711, hostname: null },
});
const bystander = (n: number) =>
  definePlugin({ name: `policy-bystander-${n}`, api: 1, setup: () => ({ hooks: { helo: () => proceed } }) });

describe("a chain in which all answer at once", () => {
  it("gives its result at once, without a promise", async () => {
    const kernel = await kernelOf(...Array.from({ length: 10 }, (_, n) => bystander(n)));
    const result = kernel.policy("helo", session, "client.example.org");
    expect(result).toEqual({ verdict: proceed, by: null, changes: [] });
  });

  it("gives a refusal at once", async () => {
    const refuse = definePlugin({ name: "policy-no", api: 1, setup: () => ({ hooks: { helo: () => reject("no") } }) });
    const kernel = await kernelOf(bystander(1), refuse);
    const result = kernel.policy("helo", session, "client.example.org");
    expect(result).toMatchObject({ verdict: { verdict: "reject" }, by: "policy-no" });
  });

  it("costs microseconds for ten handlers, not tens of them", async () => {
    const kernel = await kernelOf(...Array.from({ length: 10 }, (_, n) => bystander(n)));
    const round = (calls: number) => {
      const startedAt = performance.now();
      for (let i = 0; i < calls; i += 1) kernel.policy("helo", session, "client.example.org");
      return ((performance.now() - startedAt) * 1000) / calls;
    };
    round(20_000);
    // The best of several rounds, and a wide margin (it is below one on a quiet machine): others use the processor as well.
    // A timer, a promise or an AbortController a handler would be beyond it all the same.
    const microseconds = Math.min(...Array.from({ length: 10 }, () => round(10_000)));
    if (process.env.SHOW_COSTS) console.log(`ten handlers: ${microseconds.toFixed(2)} us`);
    expect(microseconds).toBeLessThan(20);
  });
});
