/** Answers as plain JavaScript may give them: what passes as it is, what is made whole, what is a fault. */
import { describe, expect, it } from "vitest";
import type { HookName } from "../contracts/hooks.ts";
import type { Expanded } from "../contracts/verdicts.ts";
import { addressOf } from "../testing/mail.ts";
import { hookNames, hookRow } from "./hook-table.ts";
import { checkVerdict } from "./verdict-check.ts";
import * as words from "./verdicts.ts";

const check = (hook: HookName, answer: unknown) => checkVerdict(hookRow(hook), answer);
const account = { login: "ann", addresses: [addressOf("ann@example.org")], home: "/home/ann", quotaBytes: null };
const plain = { localPart: "ann", domain: "example.org" };

describe("a verdict made by the words of postern/plugin", () => {
  it.each<[HookName, unknown]>([
    ["connect", words.proceed],
    ["connect", words.allow("friend")],
    ["connect", words.reject("no", { code: 554, detail: "7.1", close: true })],
    ["rcptTo", words.defer("later", { code: 452, detail: "5.3", unlessAuthenticated: true })],
    ["message", words.discard("noise")],
    ["message", words.quarantine("odd")],
    ["destination", words.accept("alias")],
    ["queue", words.queued("Q1")],
    ["route", words.routed("local", null)],
    ["credentials", words.stored({ login: "ann" }, ["{SHA}x"])],
    ["auth", words.authenticated({ login: "ann" })],
    ["findAccount", words.found(account)],
  ])("passes %s as it is: %j", (hook, verdict) => {
    expect(check(hook, verdict)).toBe(verdict);
  });

  it.each<[HookName, unknown]>([
    [
      "message",
      words.amend({ op: "prepend", header: "X", value: "1" }, { op: "route", transport: "x", nextHop: null }),
    ],
    ["expand", words.expanded([{ address: plain, notify: new Set(["never"]) }], { reversePath: null })],
    ["fileInto", words.filed({ do: "keep", flags: ["\\Seen"] }, { do: "fileInto", mailbox: "Junk", create: true })],
    ["fileInto", words.filed({ do: "redirect", address: plain }, { do: "reject", reason: "full" })],
  ])("passes %s in a copy with whole addresses: %j", (hook, verdict) => {
    expect(check(hook, verdict)).toMatchObject({ verdict: (verdict as { verdict: string }).verdict });
  });

  it("gets the text of its addresses", () => {
    const expanded = check("expand", words.expanded([{ address: plain }], { reversePath: plain }));
    expect(String((expanded as Expanded).to[0]?.address)).toBe("ann@example.org");
  });
});

describe("a fault", () => {
  it.each<[HookName, unknown, RegExp]>([
    ["connect", 0, /returned 0/],
    ["connect", "proceed", /returned "proceed"/],
    ["connect", [], /returned a list/],
    ["connect", () => words.proceed, /returned a function/],
    ["connect", words.reject, /returned a function/],
    ["connect", { verdict: 5 }, /no verdict/],
    ["connect", { verdict: "toString" }, /"toString" does not exist/],
    [
      "connect",
      words.quarantine("odd"),
      /"quarantine" is no answer to this hook; it takes proceed, allow, reject, defer/,
    ],
    ["connect", { verdict: "allow" }, /"allow" without a reason/],
    ["rcptTo", words.reject(""), /without a text/],
    ["rcptTo", words.reject("x".repeat(2001)), /2001 characters/],
    ["rcptTo", words.reject("a\u0000b"), /control characters/],
    ["rcptTo", words.reject("a\u2028b"), /line ends/],
    ["rcptTo", words.reject("no", { code: 550.5 }), /code 550.5/],
    ["rcptTo", words.reject("no", { code: 250 }), /code 250/],
    ["rcptTo", words.defer("no", { code: 550 }), /400 to 499/],
    ["rcptTo", { verdict: "reject", refusal: { text: "no", detail: "7.01" } }, /detail "7.01"/],
    ["rcptTo", { verdict: "reject", refusal: { text: "no", detail: 7.1 } }, /detail 7.1/],
    ["rcptTo", { verdict: "reject", refusal: { text: "no", close: "yes" } }, /no boolean/],
    ["rcptTo", { verdict: "amend" }, /without a list of changes/],
    ["rcptTo", { verdict: "amend", changes: [null] }, /a change that is none/],
    ["rcptTo", { verdict: "amend", changes: [{ op: "hold" }] }, /hold without a reason/],
    ["rcptTo", { verdict: "amend", changes: [{ op: "route", transport: "x" }] }, /neither a name nor null/],
    [
      "rcptTo",
      { verdict: "amend", changes: [{ op: "addRecipient", address: "ann@example.org" }] },
      /without an address/,
    ],
    [
      "rcptTo",
      { verdict: "amend", changes: [{ op: "addRecipient", address: plain, notify: new Set(["never", "delay"]) }] },
      /never stands alone/,
    ],
    [
      "rcptTo",
      { verdict: "amend", changes: [{ op: "addRecipient", address: plain, notify: ["never"] }] },
      /no set of never/,
    ],
    [
      "message",
      { verdict: "amend", changes: [{ op: "reversePath", address: null }] },
      /reversePath without an address/,
    ],
    [
      "message",
      { verdict: "amend", changes: [{ op: "readdress", headers: ["a b"], addresses: [] }] },
      /names of header/,
    ],
    ["message", { verdict: "amend", changes: [{ op: "readdress", headers: ["To"] }] }, /list of addresses/],
    [
      "message",
      { verdict: "amend", changes: [{ op: "readdress", headers: ["To"], addresses: [{ from: plain }] }] },
      /no pair of addresses/,
    ],
    ["expand", { verdict: "expanded", to: [], grantsRelay: "no" }, /no yes or no/],
    [
      "rcptTo",
      { verdict: "amend", changes: [{ op: "label", label: "x", value: Number.NaN }] },
      /cannot have the value NaN/,
    ],
    ["rcptTo", { verdict: "amend", changes: [{ op: "label", label: "x", value: "y".repeat(70_000) }] }, /too large/],
    ["message", { verdict: "amend", changes: [{ op: "editHeader" }] }, /without a list of edits/],
    ["message", { verdict: "amend", changes: [{ op: "editHeader", edits: [{ field: null }] }] }, /index of a field/],
    [
      "message",
      { verdict: "amend", changes: [{ op: "editHeader", edits: [{ index: -1, field: null }] }] },
      /index of a field/,
    ],
    ["message", { verdict: "amend", changes: [{ op: "editHeader", edits: [{ index: 0 }] }] }, /a field that is none/],
    [
      "message",
      {
        verdict: "amend",
        changes: [{ op: "editHeader", edits: [{ index: 0, field: { header: "X", value: "a\r\nY: b" } }] }],
      },
      /control characters/,
    ],
    ["queue", { verdict: "queued" }, /without the id/],
    ["expand", { verdict: "expanded", to: [plain] }, /has no address/],
    ["expand", { verdict: "expanded", to: [{ address: plain, notify: ["never"] }] }, /notify is no set/],
    ["expand", { verdict: "expanded", to: [], reversePath: "x" }, /reverse-path/],
    ["credentials", { verdict: "stored", identity: { login: "ann" }, secrets: "x" }, /list of secrets/],
    ["auth", { verdict: "authenticated", identity: {} }, /has a login/],
    ["findAccount", words.found({ ...account, home: "" }), /without a home/],
    ["findAccount", words.found({ ...account, quotaBytes: -1 }), /quotaBytes/],
    ["findAccount", words.found({ ...account, addresses: ["ann@example.org"] as never }), /list of addresses/],
    ["fileInto", { verdict: "filed", actions: [] }, /nowhere/],
    ["fileInto", { verdict: "filed", actions: [{ do: "kepp" }] }, /no filing action "kepp"/],
    ["fileInto", { verdict: "filed", actions: [{ do: "fileInto", mailbox: "a\r\nb" }] }, /name of a mailbox/],
    ["fileInto", { verdict: "filed", actions: [{ do: "keep", flags: "\\Seen" }] }, /list of words/],
  ])("at %s: %j", (hook, answer, cause) => {
    expect(check(hook, answer)).toEqual(expect.stringMatching(cause));
  });

  it("is every verdict that the table does not list for the hook", () => {
    const all = new Set(hookNames.flatMap((hook) => hookRow(hook).verdicts));
    for (const hook of hookNames) {
      for (const verdict of all) {
        if (!hookRow(hook).verdicts.includes(verdict)) expect(check(hook, { verdict })).toMatch(/is no answer/);
      }
    }
  });
});
