import { afterEach, describe, expect, it } from "vitest";
import type { Spool } from "../contracts/spool.ts";
import { openingOf, sendText, spoolWith } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { openRelay, outcomes, recording } from "../testing/mail-plugins.ts";

const flows = new MailFlows(openRelay);
afterEach(() => flows.close());

const nobody = openingOf({ from: null });

/** A queue in which everything was tried once, in vain; `tried` has the addresses tried since. */
async function waitingQueue(to: readonly (readonly string[])[], wrapSpool: (spool: Spool) => Spool = (spool) => spool) {
  const tried: string[] = [];
  const { plugin } = recording((address) => {
    tried.push(address);
    return address.startsWith("done") ? outcomes.delivered : outcomes.deferred;
  });
  const flow = await flows.open([plugin], { wrapSpool });
  for (const recipients of to) await sendText(flow, { opening: nobody, to: recipients });
  await flow.quiet();
  tried.length = 0;
  return { flow, tried, plugin };
}

describe("a queue run for a domain", () => {
  it("tries what waits for it at once, counts its recipients, and leaves the others alone", async () => {
    const { flow, tried } = await waitingQueue([
      ["a@example.net", "b@example.net", "c@example.com"],
      ["d@example.net"],
      ["done@example.net"],
      ["e@sub.example.net"],
    ]);
    expect(await flow.queue.flushDomain("Example.NET")).toBe(3);
    await flow.quiet();
    expect(tried.toSorted()).toEqual(["a@example.net", "b@example.net", "c@example.com", "d@example.net"]);
  });

  it("counts subdomains where they are asked for", async () => {
    const { flow, tried } = await waitingQueue([["a@example.net"], ["b@sub.example.net"], ["c@badexample.net"]]);
    expect(await flow.queue.flushDomain(".example.net")).toBe(2);
    await flow.quiet();
    expect(tried.toSorted()).toEqual(["a@example.net", "b@sub.example.net"]);
  });

  it("counts nobody who has it already, and nobody elsewhere", async () => {
    const { flow, tried } = await waitingQueue([["done@example.net", "a@example.com"]]);
    expect(await flow.queue.flushDomain("example.net")).toBe(0);
    await flow.quiet();
    expect(tried).toEqual([]);
  });

  it("finds what an earlier run of the server left and what is due much later", async () => {
    const { flow, plugin, tried } = await waitingQueue([["a@example.net"]]);
    for (let n = 0; n < 6; n += 1) {
      flow.clock.advance(3_600_000);
      await flow.quiet();
    }
    const again = await flows.again(flow, [plugin]);
    await again.quiet();
    tried.length = 0;
    expect(await again.queue.flushDomain("example.net")).toBe(1);
    await again.quiet();
    expect(tried).toEqual(["a@example.net"]);
  });

  it("is one run for all who ask meanwhile", async () => {
    let reads = 0;
    const { flow } = await waitingQueue([["a@example.net"], ["b@example.com"]], (spool) =>
      spoolWith(() => ({
        read: (id) => {
          reads += 1;
          return spool.read(id);
        },
      }))(spool),
    );
    reads = 0;
    const counts = await Promise.all(
      ["example.net", "example.com", "example.net", "x.example"].map((domain) => flow.queue.flushDomain(domain)),
    );
    expect(counts).toEqual([1, 1, 1, 0]);
    expect(reads).toBe(2);
  });

  it("goes on past a message that cannot be read", async () => {
    let isBroken = true;
    const { flow } = await waitingQueue([["a@example.net"], ["b@example.net"]], (spool) =>
      spoolWith(() => ({
        read: async (id) => {
          if (isBroken) {
            isBroken = false;
            throw new Error("EIO");
          }
          return spool.read(id);
        },
      }))(spool),
    );
    expect(await flow.queue.flushDomain("example.net")).toBe(1);
    await flow.quiet();
  });
});
