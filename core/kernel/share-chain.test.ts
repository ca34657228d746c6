/** Deliveries are offered in order; what a faulty handler left is deferred and offered to nobody else. */
import { describe, expect, it } from "vitest";
import type { Delivery, Outcome } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Hooks } from "../contracts/hooks.ts";
import { keptLog, kernelOf, kernelWith } from "../testing/kernel.ts";
import { envelopeOf, messageOf } from "../testing/mail.ts";
import { definePlugin } from "./define.ts";
import { proceed, routed } from "./verdicts.ts";

const plugin = (name: string, hooks: Hooks) => definePlugin({ name, api: 1, setup: () => ({ hooks }) });
const kept: Outcome = { at: "delivered", reply: { code: 250, status: "2.0.0", text: "kept", host: null } };

function deliveryTo(...addresses: readonly string[]): Delivery & { readonly outcomes: Map<string, string> } {
  const envelope = envelopeOf({ to: addresses });
  const outcomes = new Map<string, string>();
  return {
    envelope,
    message: messageOf("Subject: x\n\nbody\n"),
    route: routed("local", null),
    get recipients(): readonly Recipient[] {
      return envelope.recipients.filter(({ address }) => !outcomes.has(String(address)));
    },
    attempt: 1,
    async settle({ address }, { at }) {
      outcomes.set(String(address), at);
    },
    outcomes,
  };
}

const takes = (name: string, address: string) =>
  plugin(name, {
    async deliver(delivery) {
      for (const recipient of delivery.recipients) {
        if (String(recipient.address) === address) await delivery.settle(recipient, kept);
      }
      return proceed;
    },
  });

describe("a share chain", () => {
  it("hands what is left to the next plugin, and stops when nothing is", async () => {
    let isReached = false;
    const kernel = await kernelOf(
      takes("a", "ann@example.org"),
      takes("b", "bob@example.org"),
      plugin("c", {
        deliver() {
          isReached = true;
          return proceed;
        },
      }),
    );
    const delivery = deliveryTo("ann@example.org", "bob@example.org");
    await kernel.deliver(delivery);
    expect([...delivery.outcomes.values()]).toEqual(["delivered", "delivered"]);
    expect(isReached).toBe(false);
  });

  it("leaves unsettled what nobody takes", async () => {
    const delivery = deliveryTo("eve@example.org");
    await (await kernelOf(takes("a", "ann@example.org"))).deliver(delivery);
    expect(delivery.recipients).toHaveLength(1);
    await (await kernelOf()).deliver(delivery);
    expect(delivery.recipients).toHaveLength(1);
  });

  it("defers what a faulty handler left, and offers it to nobody else", async () => {
    const kernel = await kernelOf(
      plugin("deliver-broken", {
        async deliver(delivery) {
          const [first] = delivery.recipients;
          if (first) await delivery.settle(first, kept);
          throw new Error("disk on fire");
        },
      }),
      takes("b", "bob@example.org"),
    );
    const delivery = deliveryTo("ann@example.org", "bob@example.org");
    await kernel.deliver(delivery);
    expect(Object.fromEntries(delivery.outcomes)).toEqual({
      "ann@example.org": "delivered",
      "bob@example.org": "deferred",
    });
  });

  it("defers the rest even if settling fails for one of them", async () => {
    const delivery = deliveryTo("ann@example.org", "bob@example.org");
    const settle = delivery.settle.bind(delivery);
    const failing: Delivery = {
      ...delivery,
      get recipients() {
        return delivery.recipients;
      },
      async settle(recipient, outcome) {
        if (recipient.id === 1) throw new Error("no room");
        await settle(recipient, outcome);
      },
    };
    const broken = plugin("deliver-broken", {
      deliver() {
        throw new Error("disk on fire");
      },
    });
    await (await kernelOf(broken)).deliver(failing);
    expect([...delivery.outcomes]).toEqual([["bob@example.org", "deferred"]]);
  });

  it("waits for a handler that has had its time: what it settles then counts", async () => {
    const { log, lines } = keptLog();
    const slow = plugin("deliver-slow", {
      async deliver(delivery, { signal }) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        for (const recipient of delivery.recipients) await delivery.settle(recipient, kept);
        return proceed;
      },
    });
    const kernel = await kernelWith({ log }, [slow, {}, { timeoutMs: 20 }]);
    const delivery = deliveryTo("ann@example.org");
    await kernel.deliver(delivery);
    expect(delivery.outcomes.get("ann@example.org")).toBe("delivered");
    expect(lines.at(-1)?.text).toBe("deliver-slow at deliver has had its time: signalled, waiting for it to end");
  });
});
