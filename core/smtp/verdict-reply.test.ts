import { describe, expect, it } from "vitest";
import type { Refusal } from "../contracts/verdicts.ts";
import { type Moment, type RefusingHook, verdictToReply } from "./verdict-reply.ts";

const line = (hook: RefusingHook, isPermanent: boolean, refusal: Partial<Refusal> = {}, moment: Moment = {}): string =>
  verdictToReply(hook, { isPermanent, refusal: { text: "No", ...refusal } }, moment).wire.trimEnd();

describe("verdictToReply", () => {
  it.each<[RefusingHook, string, string]>([
    ["connect", "554 No", "421 No"],
    ["helo", "550 No", "450 No"],
    ["tls", "554 5.7.1 No", "454 4.7.0 No"],
    ["authAttempt", "535 5.7.8 No", "454 4.7.0 No"],
    ["auth", "535 5.7.8 No", "454 4.7.0 No"],
    ["mailFrom", "550 5.7.1 No", "450 4.7.1 No"],
    ["rcptTo", "550 5.7.1 No", "450 4.7.1 No"],
    ["data", "554 5.7.1 No", "451 4.7.1 No"],
    ["message", "554 5.7.1 No", "451 4.7.1 No"],
  ])("has its own codes for %s", (hook, rejected, deferred) => {
    expect(line(hook, true)).toBe(rejected);
    expect(line(hook, false)).toBe(deferred);
  });

  it("derives the class of the enhanced code from the verdict", () => {
    expect(line("rcptTo", true, { detail: "1.1" })).toBe("550 5.1.1 No");
    expect(line("rcptTo", false, { code: 452, detail: "5.3" })).toBe("452 4.5.3 No");
  });

  it.each([
    [true, 450],
    [false, 550],
    [true, 250],
    [true, 600],
    [true, 550.5],
    [true, Number.NaN],
  ])("takes its own code when permanent is %s and the code is %s", (isPermanent, code) => {
    expect(line("rcptTo", isPermanent, { code })).toBe(isPermanent ? "550 5.7.1 No" : "450 4.7.1 No");
  });

  it("does not let a plugin's detail or text break the reply", () => {
    const detail = "7.1\r\n250 Ok" as "7.1";
    expect(line("rcptTo", true, { detail, text: "a\r\nb" })).toBe("550-5.7.1 a\r\n550 5.7.1 b");
  });

  it("closes with 421 when a deferral closes, and keeps 5xx when a rejection does", () => {
    const deferred = verdictToReply("mailFrom", { isPermanent: false, refusal: { text: "No", close: true } });
    expect([deferred.code, deferred.closes]).toEqual([421, true]);
    const rejected = verdictToReply("mailFrom", { isPermanent: true, refusal: { text: "No", close: true } });
    expect([rejected.code, rejected.closes]).toEqual([550, true]);
  });

  it("gives a delayed refusal of the connection with an enhanced code and without closing", () => {
    const delayed = verdictToReply("connect", { isPermanent: false, refusal: { text: "No" } }, { isDelayed: true });
    expect(delayed.wire).toBe("450 4.7.1 No\r\n");
    expect(delayed.closes).toBe(false);
    expect(line("connect", true, {}, { isDelayed: true })).toBe("554 5.7.1 No");
  });
});
