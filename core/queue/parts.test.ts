/** The queue's pure parts: ids, times, order, trace fields. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, envelopeOf, sessionOf } from "../testing/mail.ts";
import { DueHeap } from "./due-heap.ts";
import { createEnvelopeIds, senderOf } from "./envelope-id.ts";
import { Fifo } from "./fifo.ts";
import { countHops, receivedField } from "./received-field.ts";
import { retryDelayMs } from "./retry-schedule.ts";
import { Ticket } from "./ticket.ts";

describe("envelope ids", () => {
  it("are unique, in order, short and safe, whatever the clock does", () => {
    const times = [1e12, 1e12, 1e12 + 1, 1e12 - 5_000, 4e12];
    let at = 0;
    const next = createEnvelopeIds({ clock: { now: () => times[at] ?? 0 }, worker: 7, random: (limit) => limit - 1 });
    const ids: string[] = [];
    for (at = 0; at < times.length; at += 1) for (let n = 0; n < 1_000; n += 1) ids.push(next(`${n}@example.org`));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{17}$/);
  });

  it("of a full millisecond go on in the next", () => {
    const next = createEnvelopeIds({ clock: { now: () => 1e12 }, worker: 0, random: (limit) => limit - 1 });
    let last = next("");
    for (let n = 0; n < 600_000; n += 1) {
      const id = next("");
      if (id <= last) throw new Error(`${id} after ${last}`);
      last = id;
    }
  });

  it("tell senders apart, and not which sender it is", () => {
    const clock = { now: () => 1e12 };
    const next = createEnvelopeIds({ clock, worker: 31, random: () => 1 });
    const other = createEnvelopeIds({ clock, worker: 1, random: () => 2 });
    expect(senderOf(next("ann@example.org"))).toBe(senderOf(next("ann@example.org")));
    expect(senderOf(next("ann@example.org"))).not.toBe(senderOf(other("ann@example.org")));
    const senders = Array.from({ length: 1_000 }, (_, n) => senderOf(next(`${n}@example.org`)));
    expect(new Set(senders).size).toBeGreaterThan(950);
  });

  it("of two workers at the same time differ", () => {
    const source = { clock: { now: () => 1e12 }, random: () => 1 };
    expect(createEnvelopeIds({ ...source, worker: 1 })("")).not.toBe(createEnvelopeIds({ ...source, worker: 2 })(""));
  });
});

it("the heap gives back in order of time, and only what is due", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 50 }), (times, now) => {
      const heap = new DueHeap();
      for (const [index, time] of times.entries()) heap.add(new Ticket(`${index}`), time);
      const taken: number[] = [];
      for (let next = heap.takeDue(now); next; next = heap.takeDue(now)) taken.push(next.dueAt);
      expect(taken).toEqual(times.filter((time) => time <= now).sort((one, other) => one - other));
      expect(heap.size).toBe(times.length - taken.length);
      expect(heap.nextDueAt).toBe(times.filter((time) => time > now).sort((one, other) => one - other)[0] ?? null);
    }),
  );
});

it("the heap lets any of them be taken out, and keeps the order of the others", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean())), (entries) => {
      const heap = new DueHeap();
      const tickets = entries.map(([time, isOut], index) => {
        const ticket = new Ticket(`${index}`);
        heap.add(ticket, time);
        return { ticket, isOut };
      });
      for (const { ticket, isOut } of tickets) if (isOut) heap.remove(ticket);
      for (const { ticket, isOut } of tickets) if (isOut) heap.remove(ticket);
      const taken: number[] = [];
      for (let next = heap.takeDue(99); next; next = heap.takeDue(99)) taken.push(next.dueAt);
      const left = entries.filter(([, isOut]) => !isOut).map(([time]) => time);
      expect(taken).toEqual(left.sort((one, other) => one - other));
    }),
  );
});

it("the fifo keeps order over any mix of push and shift", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 5_000, size: "max" }), (pushes) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      for (const [index, isPush] of pushes.entries()) {
        if (isPush) {
          fifo.push(index);
          model.push(index);
        } else expect(fifo.shift()).toBe(model.shift());
        expect(fifo.size).toBe(model.length);
        expect(fifo.first).toBe(model[0]);
      }
    }),
    { numRuns: 20 },
  );
});

it.each([
  [1, 0.5, 300_000],
  [2, 0.5, 600_000],
  [3, 0, 1_080_000],
  [3, 0.999999, 1_320_000],
  [9, 0.5, 4_000_000],
  [10_000, 0.5, 4_000_000],
])("after try %i (jitter %d) it waits %i ms", (attempts, random, expected) => {
  expect(retryDelayMs({ firstRetryMs: 300_000, maxRetryMs: 4_000_000 }, attempts, random)).toBeCloseTo(expected, -1);
});

describe("Received", () => {
  const facts = {
    hostname: "mx.example.org",
    dataDir: "/",
    origin: "example.org",
    postmaster: addressOf("p@example.org"),
    recipientDelimiter: "+",
    version: "0",
  };
  const tls = { protocol: "TLSv1.3", cipher: "C", servername: null, clientCertificate: null };
  const identity = { login: "bob" };
  it.each([
    ["ESMTP", { isExtended: true }, false],
    ["SMTP", { isExtended: false }, false],
    ["ESMTPS", { tls }, false],
    ["ESMTPA", { identity }, false],
    ["ESMTPSA", { tls, identity }, false],
    ["UTF8SMTP", {}, true],
    ["UTF8SMTPSA", { tls, identity }, true],
    ["LMTP", { protocol: "lmtp" }, false],
    ["LMTPS", { protocol: "lmtp", tls }, false],
    ["UTF8LMTP", { protocol: "lmtp" }, true],
  ])("names the protocol %s", (word, session, isSmtpUtf8) => {
    const envelope = envelopeOf({ session: Object.assign(sessionOf(), session), isSmtpUtf8 });
    const change = receivedField(envelope, facts, { nowMs: 0, address: null });
    expect(change).toMatchObject({ op: "prepend", header: "Received" });
    expect("value" in change && change.value).toContain(`(Postern) with ${word} id E1; Thu, 1 Jan 1970`);
  });

  it.each([
    ["Received: a\r\nX: y\r\nRECEIVED: b\r\n c\r\nreceived : no\r\n", 2],
    ["X-Received: a\r\nReceivedX: b\r\n", 0],
    ["", 0],
    ["Rec", 0],
  ])("is counted in %j", (header, hops) => {
    expect(countHops(Buffer.from(header))).toBe(hops);
  });
});
