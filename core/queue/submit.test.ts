import { afterEach, describe, expect, it } from "vitest";
import { SpoolFull } from "../contracts/spool.ts";
import type { Refused } from "../contracts/submit.ts";
import { amend, defer, discard, expanded, proceed, quarantine, queued, reject } from "../kernel/verdicts.ts";
import { addressOf, sessionOf } from "../testing/mail.ts";
import {
  type MailFlow,
  offerOf,
  openingOf,
  openMailFlow,
  sendText,
  spoolWith,
  submitText,
} from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { aliases, directory, hooksPlugin, recording } from "../testing/mail-plugins.ts";
import { manualClock } from "../testing/manual-clock.ts";

const here = directory("example.org", "ann@example.org", "ben@example.org", "postmaster@example.org");

const flows = new MailFlows();
afterEach(() => flows.close());
const flowOf = flows.open;

describe("content", () => {
  const base = [here, aliases({ "both@example.org": ["ann@example.org", "ben@example.org"] })];

  it.each([
    ["rejects", reject("spam", { code: 554, detail: "7.1" }), { at: "refused", isPermanent: true, by: "test-hooks" }],
    ["defers", defer("later"), { at: "refused", isPermanent: false }],
    ["discards", discard("virus"), { at: "discarded", replies: [{ at: "queued" }] }],
  ])("a message policy %s", async (_, verdict, expected) => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([...base, hooksPlugin({ message: () => verdict }), plugin]);
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject(expected);
    await flow.quiet();
    expect(delivered).toEqual([]);
    expect(await recovered(flow)).toEqual([]);
  });

  it("keeps what is quarantined on hold, over a restart too", async () => {
    const { plugin, delivered } = recording();
    const plugins = [...base, hooksPlugin({ message: () => quarantine("score 12") }), plugin];
    const flow = await openMailFlow({ plugins });
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject({ at: "queued" });
    await flow.quiet();
    expect(flow.queue.stats().held).toBe(1);
    await flow.crash();
    const again = await flowOf(plugins, { directory: flow.directory, clock: flow.clock });
    await again.quiet();
    expect(again.queue.stats()).toMatchObject({ deferred: 0 });
    await again.queue.flush();
    await again.quiet();
    expect(delivered).toEqual([]);
  });

  it("applies changes, once, before the next hook sees the message", async () => {
    const { plugin, delivered } = recording();
    const seen: (string | undefined)[] = [];
    const flow = await flowOf([
      ...base,
      hooksPlugin({
        message: () => amend({ op: "prepend", header: "X-Score", value: "3" }, { op: "removeHeader", header: "X-Bad" }),
        messageFor(_, message) {
          seen.push(message.headers.get("x-score"));
          return proceed;
        },
        prepare: () => amend({ op: "append", header: "X-Prepared", value: "1" }),
        sign(_, message) {
          seen.push(message.headers.get("received")?.slice(0, 10));
          return amend({ op: "prepend", header: "X-Signature", value: "s" });
        },
      }),
      plugin,
    ]);
    await sendText(flow, { to: ["ann@example.org"], text: "X-Bad: y\nSubject: s\n\nbody\n" });
    await flow.quiet();
    expect(seen).toEqual(["3", "by mx.exam"]);
    expect(delivered[0]?.text.replace(/Received:.*(\r\n\t.*)*/, "Received")).toBe(
      "X-Signature: s\r\nReceived\r\nX-Score: 3\r\nSubject: s\r\nX-Prepared: 1\r\n\r\nbody\r\n",
    );
  });

  it("replaces a body by a stream, and redirects everybody", async () => {
    const { plugin, delivered } = recording();
    const { Readable } = await import("node:stream");
    const flow = await flowOf([
      ...base,
      hooksPlugin({
        message: () =>
          amend(
            { op: "replaceBody", body: Readable.from([Buffer.from("cle"), Buffer.from("an\r\n")]) },
            { op: "redirect", address: addressOf("ben@example.org") },
          ),
      }),
      plugin,
    ]);
    await sendText(flow, { to: ["ann@example.org", "both@example.org"] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to)).toEqual([["ben@example.org"]]);
    expect(delivered[0]?.text.endsWith("Subject: hello\r\n\r\nclean\r\n")).toBe(true);
  });

  it.each(["prepare", "sign"] as const)("refuses for now when %s fails, and keeps nothing", async (hook) => {
    const broken = hooksPlugin({
      [hook]: () => {
        throw new Error("no key");
      },
    });
    const flow = await flowOf([...base, broken]);
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject({
      at: "refused",
      isPermanent: false,
      by: "test-hooks",
    });
    expect(await recovered(flow)).toEqual([]);
  });

  it("lets a plugin take the message over", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([...base, hooksPlugin({ queue: () => queued("elsewhere-1") }), plugin]);
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject({ at: "queued" });
    await flow.quiet();
    expect(delivered).toEqual([]);
    expect(await recovered(flow)).toEqual([]);
  });

  describe("for each recipient", () => {
    const says = (
      answers: Readonly<Record<string, ReturnType<typeof reject | typeof defer | typeof discard | typeof quarantine>>>,
    ) => hooksPlugin({ messageFor: (_, __, { address }) => answers[address.localPart] ?? proceed });
    const no = reject("not for me", { code: 550, detail: "7.1" });
    const later = defer("not now", { code: 450, detail: "2.0" });
    const cases: [string, "smtp" | "lmtp", Parameters<typeof says>[0], string, string[], number][] = [
      // name, origin, answers, what the client is told, who gets it, how many envelopes are held
      ["all refuse", "smtp", { ann: no, ben: no }, "refused 5", [], 0],
      ["all refuse, one for now", "smtp", { ann: no, ben: later }, "refused 4", [], 0],
      ["one refuses: set aside for that one", "smtp", { ann: no }, "queued queued", ["ben@example.org"], 1],
      ["one cannot tell now: the client comes again", "smtp", { ann: later }, "refused 4", [], 0],
      ["one discards", "smtp", { ann: discard("no") }, "queued queued", ["ben@example.org"], 0],
      ["both discard", "smtp", { ann: discard("no"), ben: discard("no") }, "discarded queued", [], 0],
      ["one quarantines", "smtp", { ann: quarantine("?") }, "queued queued", ["ben@example.org"], 1],
      ["each is answered", "lmtp", { ann: no }, "queued 5 queued", ["ben@example.org"], 0],
      ["each is answered, for now", "lmtp", { ben: later }, "queued queued 4", ["ann@example.org"], 0],
      ["each refuses in its own way", "lmtp", { ann: no, ben: later }, "discarded 5 4", [], 0],
    ];
    it.each(cases)("%s (%s, %s)", async (_, origin, answers, told, gets, held) => {
      const { plugin, delivered } = recording();
      const flow = await flowOf([here, says(answers), plugin]);
      const to = ["ann@example.org", "ben@example.org"];
      const { submitted } = await sendText(flow, { opening: openingOf({ origin }), to });
      const classOf = (reply: { at: "queued" } | Refused) =>
        reply.at === "queued" ? "queued" : reply.isPermanent ? "5" : "4";
      if (submitted.at === "refused") expect(`refused ${classOf(submitted)}`).toBe(told);
      else {
        const replies = submitted.replies.map(classOf);
        const isAll = replies.every((reply) => reply === "queued");
        expect(`${submitted.at} ${isAll ? "queued" : replies.join(" ")}`).toBe(told);
      }
      await flow.quiet();
      expect(delivered.flatMap((delivery) => delivery.to)).toEqual(gets);
      expect(flow.queue.stats().held).toBe(held);
      expect((await recovered(flow)).length).toBe(0);
    });

    it("an offer that was expanded is taken if one of its targets takes it, set aside for the other", async () => {
      const { plugin, delivered } = recording();
      const flow = await flowOf([...base, says({ ann: no }), plugin]);
      const { submitted } = await sendText(flow, { opening: openingOf({ origin: "lmtp" }), to: ["both@example.org"] });
      expect(submitted).toMatchObject({ at: "queued", replies: [{ at: "queued" }] });
      await flow.quiet();
      expect(delivered.map(({ to }) => to)).toEqual([["ben@example.org"]]);
      expect(flow.queue.stats().held).toBe(1);
    });
  });
});

it("the id that the client is told is that of the message which is delivered, whoever is set aside", async () => {
  const { plugin, delivered } = recording();
  const picky = hooksPlugin({
    messageFor: (_, __, { address }) => (address.localPart === "ann" ? reject("not for me") : proceed),
  });
  const flow = await flowOf([here, picky, plugin]);
  const { submitted } = await sendText(flow, { to: ["ann@example.org", "ben@example.org"] });
  await flow.quiet();
  expect(delivered.map(({ to }) => to)).toEqual([["ben@example.org"]]);
  expect(submitted).toMatchObject({ at: "queued", id: delivered[0]?.id });
});

it("mail that a filter hands back and that was checked for too long is not kept: the filter comes again", async () => {
  const { plugin, delivered } = recording();
  const clock = manualClock();
  const slow = hooksPlugin({
    message: () => {
      clock.advance(11 * 60_000);
      return proceed;
    },
  });
  const flow = await flowOf([here, slow, plugin], { clock });
  const session = Object.assign(sessionOf(), { listener: { name: "reinject-10026", role: "reinject" } });
  const { submitted } = await sendText(flow, { opening: openingOf({ session }), to: ["ann@example.org"] });
  expect(submitted).toMatchObject({ at: "refused", isPermanent: false });
  await flow.quiet();
  expect(delivered).toEqual([]);
});

describe("keeping", () => {
  it.each([
    ["there is no room", () => new SpoolFull("full"), { code: 452, detail: "3.1" }],
    ["the disk fails", () => new Error("EIO"), { code: 451, detail: "3.0" }],
  ])("refuses for now when %s", async (_, fault, refusal) => {
    const { plugin, delivered } = recording();
    const wrapSpool = spoolWith(() => ({ accept: () => Promise.reject(fault()) }));
    const flow = await flowOf([here, plugin], { wrapSpool });
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject({
      at: "refused",
      isPermanent: false,
      refusal,
    });
    await flow.quiet();
    expect(delivered).toEqual([]);
  });

  it("keeps all parts or none", async () => {
    const { plugin, delivered } = recording();
    const srs = hooksPlugin({
      expand: ({ address }) =>
        address.domain === "example.org" && address.localPart === "away"
          ? expanded([{ address: addressOf("x@elsewhere.example") }], { reversePath: addressOf("srs@example.org") })
          : proceed,
    });
    const wrapSpool = spoolWith((spool) => ({
      accept: (envelope, message) =>
        envelope.id.endsWith("-2") ? Promise.reject(new Error("EIO")) : spool.accept(envelope, message),
    }));
    const flow = await openMailFlow({ plugins: [here, srs, plugin], wrapSpool });
    const { submitted } = await sendText(flow, { to: ["ann@example.org", "away@example.org"] });
    expect(submitted).toMatchObject({ at: "refused", isPermanent: false });
    await flow.quiet();
    await flow.crash();
    const again = await flowOf([here, srs, plugin], { directory: flow.directory });
    await again.quiet();
    expect(delivered).toEqual([]);
  });

  it("tells transactionEnd once, and leaves no intake behind", async () => {
    let ended = 0;
    const flow = await flowOf([
      here,
      hooksPlugin({
        transactionEnd() {
          ended += 1;
        },
      }),
    ]);
    const draft = flow.submit.open(openingOf());
    await draft.admit(offerOf("ann@example.org"));
    const intake = draft.receive(null);
    await intake.write(Buffer.from("half"));
    await draft.close();
    await draft.close();
    expect(ended).toBe(1);
    expect(() => intake.write(Buffer.from("more"))).toThrow();
  });
});

it("many transactions at once do not mix", async () => {
  const { plugin, delivered } = recording();
  const flow = await flowOf([here, plugin]);
  await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      const draft = flow.submit.open(openingOf({ from: `s${n}@example.net` }));
      await draft.admit(offerOf(n % 2 ? "ann@example.org" : "ben@example.org"));
      const submitted = await submitText(draft, `Subject: ${n}\n\n${n}\n`);
      expect(submitted.at).toBe("queued");
      await draft.close();
    }),
  );
  await flow.quiet();
  expect(delivered.length).toBe(50);
  for (const { from, to, text } of delivered) {
    const n = Number(/^s(\d+)@/.exec(from ?? "")?.[1]);
    expect(to).toEqual([n % 2 ? "ann@example.org" : "ben@example.org"]);
    expect(text).toContain(`Subject: ${n}\r\n\r\n${n}\r\n`);
  }
  expect(new Set(delivered.map(({ id }) => id)).size).toBe(50);
});

/** What the spool has beside what the queue knows of. */
async function recovered(flow: MailFlow): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of flow.spool.recovered(Number.POSITIVE_INFINITY)) ids.push(id);
  return ids;
}
