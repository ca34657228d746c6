/** Who claims first, has it; who cannot tell, defers. */
import { describe, expect, it } from "vitest";
import type { Account } from "../contracts/account.ts";
import type { Hooks } from "../contracts/hooks.ts";
import { kernelOf } from "../testing/kernel.ts";
import { addressOf, envelopeOf } from "../testing/mail.ts";
import { definePlugin } from "./define.ts";
import { accept, defer, expanded, found, proceed, routed } from "./verdicts.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin({ name, api: 1, setup: () => ({ hooks }) });
const ann: Account = { login: "ann", addresses: [addressOf("ann@example.org")], home: "/home/ann", quotaBytes: null };

describe("a claim chain", () => {
  it("has no verdict when nobody claims: an empty list grants nothing", async () => {
    const kernel = await kernelOf(plugin("a", { destination: () => proceed }));
    const envelope = envelopeOf({ to: ["ann@example.org"] });
    for (const recipient of envelope.recipients) {
      expect(kernel.claim("destination", envelope, recipient)).toEqual({ verdict: null, by: null });
      expect((await kernelOf()).claim("destination", envelope, recipient)).toEqual({ verdict: null, by: null });
    }
  });

  it("ends with the first claim", async () => {
    const kernel = await kernelOf(
      plugin("a", { findDomain: () => proceed }),
      plugin("b", { findDomain: async () => accept("mine") }),
      plugin("c", { findDomain: () => defer("down") }),
    );
    expect(await kernel.claim("findDomain", { domain: "example.org" })).toMatchObject({ by: "b" });
  });

  it("never becomes unknown because a directory is broken", async () => {
    const kernel = await kernelOf(
      plugin("directory-down", {
        async findAccount() {
          throw new Error("connection refused");
        },
      }),
      plugin("directory-other", { findAccount: () => found(ann) }),
    );
    const { verdict, by } = await kernel.claim("findAccount", { login: "ann" });
    expect(verdict).toMatchObject({ verdict: "defer", refusal: { code: 451, detail: "3.0" } });
    expect(by).toBe("directory-down");
  });

  it("gives addresses that an author wrote as plain objects their text", async () => {
    const to = [{ address: { localPart: "dot dot", domain: "Example.ORG" } }];
    const kernel = await kernelOf(plugin("alias-example", { expand: () => expanded(to) }));
    const envelope = envelopeOf({ to: ["ann@example.org"] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("no recipient");
    const { verdict } = await kernel.claim("expand", recipient, envelope);
    expect(verdict?.verdict === "expanded" && verdict.to.map(({ address }) => String(address))).toEqual([
      '"dot dot"@example.org',
    ]);
  });

  it("does not race a handler of queue: it waits for its end", async () => {
    let isSignalled = false;
    const slow = plugin("queue-slow", {
      queue: (_envelope, _message, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            isSignalled = true;
            setImmediate(() => resolve({ verdict: "queued", id: "Q1" }));
          });
        }),
    });
    const kernel = await kernelOf([slow, {}, { timeoutMs: 20 }]);
    const message = {
      sizeBytes: 0,
      headers: { get: () => undefined, all: () => [] },
      content: never,
      inMemory: () => [],
    };
    const { verdict } = await kernel.claim("queue", envelopeOf(), message);
    expect(isSignalled).toBe(true);
    expect(verdict).toEqual({ verdict: "queued", id: "Q1" });
  });

  it.each([
    ["routed to no transport", { verdict: "routed", transport: "", nextHop: null, concurrencyKey: "x" }],
    ["routed without a key", { verdict: "routed", transport: "local", nextHop: null }],
    ["routed to a next hop of undefined", { verdict: "routed", transport: "smtp", concurrencyKey: "x" }],
  ])("takes %s for a fault", async (_, verdict) => {
    const kernel = await kernelOf(plugin("route-odd", { route: () => verdict as never }));
    const envelope = envelopeOf({ to: ["ann@example.org"] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("no recipient");
    expect(await kernel.claim("route", recipient, envelope)).toMatchObject({ verdict: { verdict: "defer" } });
  });

  it("takes a route as it is made by routed()", async () => {
    const kernel = await kernelOf(plugin("route-fine", { route: () => routed("smtp", "mx.example.org") }));
    const envelope = envelopeOf({ to: ["ann@example.org"] });
    const [recipient] = envelope.recipients;
    if (!recipient) throw new Error("no recipient");
    expect(await kernel.claim("route", recipient, envelope)).toMatchObject({
      verdict: { transport: "smtp", nextHop: "mx.example.org", concurrencyKey: "smtp:mx.example.org" },
    });
  });
});

function never(): never {
  throw new Error("not asked for");
}
