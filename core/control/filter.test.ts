import { describe, expect, it } from "vitest";
import { filterOf } from "./filter.ts";
import type { ListedMessage, QueueFilter } from "./request.ts";

const HOUR = 3_600_000;
const now = 1_000 * HOUR;
const message: ListedMessage = {
  id: "a1",
  origin: "smtp",
  reversePath: "Ann@Example.org",
  login: "ann@accounts.example",
  sizeBytes: 5_000,
  acceptedAt: now - 3 * HOUR,
  dueAt: now + HOUR,
  attempts: 2,
  lastReply: { code: 451, status: "4.4.1", text: "Connection timed out", host: "mx.example.net" },
  hold: null,
  by: "deliver-smtp",
  open: ["bob@mail.example.net", "eve@example.com"],
  openCount: 2,
  state: "waiting",
};

describe("a filter", () => {
  it.each<[QueueFilter, boolean]>([
    [{}, true],
    [{ ids: ["b", "a1"] }, true],
    [{ ids: ["b"] }, false],
    [{ olderMs: 2 * HOUR }, true],
    [{ olderMs: 3 * HOUR }, false],
    [{ newerMs: 4 * HOUR }, true],
    [{ newerMs: 2 * HOUR }, false],
    [{ largerBytes: 4_999 }, true],
    [{ largerBytes: 5_000 }, false],
    [{ smallerBytes: 5_001 }, true],
    [{ smallerBytes: 5_000 }, false],
    [{ sender: "ann@example.org" }, true],
    [{ sender: "*@EXAMPLE.org" }, true],
    [{ sender: "ann@*" }, true],
    [{ sender: "a*n@*e*.org" }, true],
    [{ sender: "ann@accounts.example" }, true],
    [{ sender: "bob@*" }, false],
    [{ sender: "<>" }, false],
    [{ recipient: "eve@example.com" }, true],
    [{ recipient: "*@*.example.net" }, true],
    [{ recipient: "ann@example.org" }, false],
    [{ domain: "example.com" }, true],
    [{ domain: ".example.net" }, true],
    [{ domain: ".example.com" }, true],
    [{ domain: "example.net" }, false],
    [{ domain: ".xample.net" }, false],
    [{ reply: "TIMED OUT" }, true],
    [{ reply: "4.4.1" }, true],
    [{ reply: "mx.example.net" }, true],
    [{ reply: "no such user" }, false],
    [{ states: ["held", "waiting"] }, true],
    [{ states: ["active"] }, false],
    [{ plugin: "deliver-smtp" }, true],
    [{ plugin: "deliver" }, false],
    [{ sender: "*@example.org", states: ["held"] }, false],
  ])("%j: %s", (filter, expected) => {
    expect(filterOf(filter, now)(message)).toBe(expected);
  });

  it("finds the null sender, and why a message is held", () => {
    const held = { ...message, reversePath: null, login: null, hold: "policy: looks odd", lastReply: null };
    expect(filterOf({ sender: "<>", reply: "ODD" }, now)(held)).toBe(true);
  });

  it("takes a pattern of many stars in its stride", () => {
    const long = { ...message, reversePath: `${"a".repeat(5_000)}@example.org` };
    expect(filterOf({ sender: `${"*a".repeat(500)}*b` }, now)(long)).toBe(false);
  });
});
