import {
  addressOf,
  directory,
  type MailFlow,
  openMailFlow,
  openRelay,
  optionsOf,
  recording,
  sendText,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseEntry } from "./entry.ts";
import routeTransport from "./index.ts";

const known = new Set(["smtp", "lmtp", "local", "mlmmj"]);
const route = (transport: string, nextHop: string | null) => ({ at: "route", transport, nextHop });

describe("entries", () => {
  it.each([
    ["smtp:[mail.example]:26", route("smtp", "[mail.example]:26")],
    ["smtp:mail.example", route("smtp", "mail.example")],
    ["smtp:[mail.example]:submission", route("smtp", "[mail.example]:587")],
    ["smtp:", route("smtp", null)],
    ["relay:[mail.example]", route("smtp", "[mail.example]")],
    [":[mail.example]", route("smtp", "[mail.example]")],
    [" : ", { at: "usual" }],
    ["lmtp:unix:/run/lmtp", route("lmtp", "unix:/run/lmtp")],
    ["lmtp:inet:localhost:24", route("lmtp", "localhost:24")],
    ["local:", { at: "local" }],
    ["virtual:anything", { at: "local" }],
    ["mlmmj:", route("mlmmj", null)],
    ["mlmmj:some thing", route("mlmmj", "some thing")],
    ["discard:", { at: "discard", text: "" }],
    ["discard:not wanted", { at: "discard", text: "not wanted" }],
    ["error:5.1.2 closed", { at: "error", status: "5.1.2", text: "closed" }],
    ["error:closed", { at: "error", status: null, text: "closed" }],
    ["error:", { at: "error", status: null, text: "" }],
    ["retry:4.3.0 later", { at: "retry", status: "4.3.0", text: "later" }],
  ])("%s", (value, entry) => {
    expect(parseEntry(value, known)).toEqual(entry);
  });

  it.each([
    ["mail.example", /no colon/],
    ["smpt:[mail.example]", /no transport "smpt"; there are smtp, lmtp, local, mlmmj, discard, error, retry/],
    ["smtp:[mail.example", /no next hop/],
    ["smtp:mail.example:0", /no next hop/],
    ["smtp:mail.example:imap", /no next hop/],
    ["lmtp:unix:run/lmtp", /no next hop/],
    ["[mail.example]:25", /no transport/],
  ])("%s is none", (value, reason) => {
    expect(parseEntry(value, known)).toEqual({ at: "fault", reason: expect.stringMatching(reason) });
  });
});

async function open(maps: readonly string[], options: object = {}): Promise<MailFlow> {
  const flow = await openMailFlow({
    plugins: [
      openRelay,
      directory("example.org", "ann@example.org"),
      [routeTransport, optionsOf(routeTransport, { maps, transports: [...known], ...options })],
      recording().plugin,
    ],
  });
  onTestFinished(() => flow.close());
  return flow;
}

async function routeOf(to: string, table: string, options: object = {}) {
  const flow = await open([`inline:{ ${table} }`], options);
  const draft = flow.submit.open({
    origin: "sendmail",
    session: null,
    reversePath: null,
    body: "7bit",
    isSmtpUtf8: false,
    requiresTls: false,
    ret: null,
    envid: null,
  });
  const recipient = { id: 1, address: addressOf(to), orcpt: null, notify: new Set<never>(), parents: [] };
  const { verdict } = await flow.kernel.claim("route", recipient, draft.envelope);
  await draft.close();
  return { flow, verdict };
}

describe("routes", () => {
  it.each([
    [
      "the whole address first",
      "ann+x@a.example",
      "ann+x@a.example=smtp:[one], ann@a.example=smtp:[two], a.example=smtp:[three]",
      "[one]",
    ],
    ["then without its extension", "ann+x@a.example", "ann@a.example=smtp:[two], a.example=smtp:[three]", "[two]"],
    [
      "then the domain",
      "bob@a.example",
      "ann@a.example=smtp:[two], a.example=smtp:[three], .a.example=smtp:[four]",
      "[three]",
    ],
    ["then its parents", "bob@b.a.example", "a.example=smtp:[three], .a.example=smtp:[four], *=smtp:[five]", "[four]"],
    ["then all the rest", "bob@else.example", "a.example=smtp:[three], *=smtp:[five]", "[five]"],
    ["the domain itself where there is no next hop", "bob@a.example", "a.example=smtp:", "a.example"],
    ["mailboxes here as well", "ann@example.org", "*=smtp:[five]", "[five]"],
  ])("%s", async (_, to, table, nextHop) => {
    const { verdict } = await routeOf(to, table);
    expect(verdict).toEqual({ verdict: "routed", transport: "smtp", nextHop, concurrencyKey: `smtp:${nextHop}` });
  });

  it.each([
    ["somebody whom no table has", "bob@b.example", "a.example=smtp:[one]"],
    ["an entry that says so", "bob@b.example", "b.example=:, *=smtp:[one]"],
  ])("%s goes the usual way, which may be a relay host", async (_, to, table) => {
    expect((await routeOf(to, table)).verdict).toMatchObject({ transport: "test" });
    expect((await routeOf(to, table, { relayHost: "[relay.example]:587" })).verdict).toMatchObject({
      transport: "smtp",
      nextHop: "[relay.example]:587",
      concurrencyKey: "smtp:[relay.example]:587",
    });
  });

  it("a relay host is for other domains only", async () => {
    expect((await routeOf("ann@example.org", "a.example=:", { relayHost: "[relay.example]" })).verdict).toMatchObject({
      transport: "test",
    });
  });

  it("an entry that is none lets the mail wait, and the log names it", async () => {
    const { flow, verdict } = await routeOf("bob@a.example", "a.example=smpt:[one]");
    expect(verdict).toMatchObject({ verdict: "defer", refusal: { detail: "3.5" } });
    expect(flow.lines).toContainEqual(
      expect.objectContaining({
        level: "error",
        text: expect.stringMatching(/"a.example" is no route: there is no transport "smpt"/),
      }),
    );
  });

  it.each([
    ["error:5.1.2 closed", "reject", { text: "closed", detail: "1.2" }],
    ["error:5.7.27 closed", "reject", { text: "closed", detail: "7.27" }],
    ["error:5.9.9 closed", "reject", { text: "closed", detail: "1.2" }],
    ["error:", "reject", { text: "Mail for this address is not taken", detail: "1.2" }],
    ["retry:4.4.7 later", "defer", { text: "later", detail: "4.7" }],
    ["retry:", "defer", { text: "Mail for this address waits", detail: "3.0" }],
  ])("%s", async (value, verdict, refusal) => {
    expect((await routeOf("bob@a.example", `{a.example = ${value}}`)).verdict).toMatchObject({ verdict, refusal });
  });

  it("a table that cannot answer lets the mail wait", async () => {
    const flow = await open(["fail:down"]);
    const recipient = {
      id: 1,
      address: addressOf("bob@a.example"),
      orcpt: null,
      notify: new Set<never>(),
      parents: [],
    };
    const draft = flow.submit.open({
      origin: "sendmail",
      session: null,
      reversePath: null,
      body: "7bit",
      isSmtpUtf8: false,
      requiresTls: false,
      ret: null,
      envid: null,
    });
    expect((await flow.kernel.claim("route", recipient, draft.envelope)).verdict).toMatchObject({ verdict: "defer" });
    await draft.close();
  });
});

describe("the way of a message", () => {
  it("error: is said at RCPT, or the mail comes back", async () => {
    const flow = await open(["inline:{ {a.example = error:5.1.2 closed} }"]);
    const { admissions } = await sendText(flow, { to: ["bob@a.example"] });
    expect(admissions).toMatchObject([
      { at: "refused", isPermanent: true, refusal: { text: "closed", detail: "1.2" } },
    ]);

    const later = await open(["inline:{ {a.example = error:5.1.2 closed} }"], { refusesErrors: false });
    expect((await sendText(later, { to: ["bob@a.example"] })).admissions).toMatchObject([{ at: "admitted" }]);
    await later.quiet();
    expect(JSON.stringify(later.lines)).toContain("closed");
  });

  it("discard: is told as delivered, with a line in the log", async () => {
    const flow = await open(["inline:{ {a.example = discard:not wanted} }"]);
    await sendText(flow, { to: ["bob@a.example"] });
    await flow.quiet();
    expect(flow.lines).toContainEqual(
      expect.objectContaining({
        text: "discarded by a transport table",
        fields: expect.objectContaining({ recipient: "bob@a.example", text: "not wanted" }),
      }),
    );
    expect(flow.queue.stats().ready).toBe(0);
  });
});

it("postern check names entries that are no routes", async () => {
  const flow = await open(["inline:{ a.example = smpt:[one], b.example = smtp:[two], c.example = mlmmj: }"]);
  expect((await flow.kernel.check()).map(({ text }) => text)).toEqual([
    expect.stringMatching(/^inline:.*a\.example: there is no transport "smpt"/),
  ]);
});

it("a relay host that is none keeps it from starting", async () => {
  await expect(open([], { relayHost: "[relay" })).rejects.toThrow(/relayHost is no host/);
});
