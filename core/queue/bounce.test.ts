import { Readable } from "node:stream";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { Notify } from "../contracts/envelope.ts";
import type { Offer, Opening } from "../contracts/submit.ts";
import { defer, proceed, reject } from "../kernel/verdicts.ts";
import { english } from "../mail/dsn/english.ts";
import { german } from "../mail/dsn/german.ts";
import { addressSpecs, createHeaders, headerEnd } from "../mail/header.ts";
import { parseMail } from "../mail/parse-mail.ts";
import type { Listed } from "../testing/kernel.ts";
import { offerOf, openingOf, sendText } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { aliases, directory, hooksPlugin, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";
import { byName, groupsOf, partsOf, reportsOf } from "../testing/reports.ts";

const HOUR = 3_600_000;
const here = directory("example.org", "ann@example.org", "postmaster@example.org");

const flows = new MailFlows(openRelay, here);
afterEach(() => flows.close());
const flowOf = flows.open;

const fromAnn = (more: Partial<Opening> = {}) => ({ ...openingOf({ from: "ann@example.org" }), ...more });
describe("who is told what", () => {
  const cases: [string, readonly Notify[], string, readonly string[]][] = [
    ["a failure, nothing said", [], "dead@example.net", ["failed rfc822;dead@example.net 5.1.1"]],
    ["a failure asked for", ["failure"], "dead@example.net", ["failed rfc822;dead@example.net 5.1.1"]],
    ["a failure with NOTIFY=NEVER", ["never"], "dead@example.net", []],
    ["a failure where only success was asked for", ["success"], "dead@example.net", []],
    ["success, nothing said", [], "box@example.net", []],
    ["success asked for", ["success"], "box@example.net", ["delivered rfc822;box@example.net 2.0.0"]],
    ["handed to a host without DSN", ["success"], "far@example.net", ["relayed rfc822;far@example.net 2.0.0"]],
    ["handed to a host with DSN", ["success"], "dsn@example.net", []],
  ];
  it.each(cases)("%s", async (_, notify, to, expected) => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: fromAnn(), to: [offerOf(to, { notify: new Set(notify) })] });
    await flow.quiet();
    expect(reportsOf(delivered).flatMap(groupsOf)).toEqual(expected);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
  });

  it("who wrote to an alias is told of the alias, and not of what only this server can name", async () => {
    const { plugin, delivered } = recording(() => outcomes.failed);
    const map = { "help@example.org": ["1.help@alias.invalid"], "all@example.org": ["far@example.net"] };
    const flow = await flowOf([aliases(map), plugin]);
    await sendText(flow, { opening: fromAnn(), to: ["help@example.org", "all@example.org"] });
    await flow.quiet();
    const said = reportsOf(delivered).map(({ text }) => text);
    expect(said.join("")).toContain("<all@example.org> (<far@example.net>)");
    expect(said.join("")).toMatch(/^ *<help@example\.org>\r$/m);
    expect(said.join("")).toContain("Final-Recipient: rfc822;help@example.org\r\n");
    expect(said.join("")).not.toContain(".invalid");
  });

  it("a name of this server with a comma is one name", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin], { reportTexts: [{ ...english, from: 'Mail "A", Example' }] });
    await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"] });
    await flow.quiet();
    expect(reportsOf(delivered)[0]?.text).toContain('\r\nFrom: "Mail \\"A\\", Example" <postmaster@example.org>\r\n');
  });

  it("no line of a report is too long, whatever was said or stands in the message", async () => {
    const { plugin, delivered } = recording(() => ({
      at: "failed",
      reply: { code: 550, status: "5.1.1", text: "ü".repeat(1_990), host: "mail.example.net" },
    }));
    const flow = await flowOf([plugin]);
    const text = `Message-ID: <${"i".repeat(990)}@example.org>\r\nSubject: hi\r\n\r\nhello\r\n`;
    await sendText(flow, { opening: fromAnn({ isSmtpUtf8: true }), to: ["dead@example.net"], text });
    await flow.quiet();
    const [report] = reportsOf(delivered);
    // All but what stands in the message itself.
    const own = (report?.text ?? "").split("\r\n").filter((line) => !line.startsWith("Message-ID: <iii"));
    expect(own.join("\n")).toContain("Final-Recipient");
    expect(Math.max(...own.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(998);
  });

  it("one report for all failures of a try, none twice, the rest goes on", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    const to = ["dead1@example.net", "slow@example.net", "dead2@example.com", "far@example.net"];
    await sendText(flow, { opening: fromAnn(), to });
    await flow.quiet();
    flow.clock.advance(HOUR);
    await flow.quiet();
    expect(reportsOf(delivered).map(groupsOf)).toEqual([
      ["failed rfc822;dead1@example.net 5.1.1", "failed rfc822;dead2@example.com 5.1.1"],
    ]);
    await flow.crash();
    const again = await flowOf([plugin], { directory: flow.directory, clock: flow.clock });
    await again.queue.flush();
    await again.quiet();
    again.clock.advance(HOUR);
    await again.quiet();
    expect(reportsOf(delivered).length).toBe(1);
  });

  it("warns once after four hours, then gives up after five days", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    const never = offerOf("slow2@example.net", { notify: new Set(["failure"]) });
    await sendText(flow, { opening: fromAnn(), to: ["slow@example.net", never] });
    await flow.quiet();
    for (let hour = 0; hour < 5 * 24 + 3; hour += 1) {
      flow.clock.advance(HOUR);
      await flow.quiet();
    }
    const reports = reportsOf(delivered);
    expect(reports.map(groupsOf)).toEqual([
      ["delayed rfc822;slow@example.net 4.2.1"],
      ["failed rfc822;slow@example.net 5.4.7", "failed rfc822;slow2@example.net 5.4.7"],
    ]);
    expect(reports[0]?.text).toContain("Will-Retry-Until: Wed, 7 Jan 2026 03:04:05 +0000");
    expect(reports[1]?.text).toContain("Not delivered in 5 days");
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
  });
});

describe("a report", () => {
  it("is a multipart/report with words, fields and the message, from nobody", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin, aliases({ "old@example.net": ["dead@example.net"] })]);
    const orcpt = { type: "rfc822", address: "Old+Name@example.net" };
    const to: Offer[] = [offerOf("old@example.net", { orcpt })];
    const text = "Message-ID: <m1@example.org>\nSubject: s\n\nbody text\n";
    const { submitted } = await sendText(flow, { opening: fromAnn({ envid: "QQ314", ret: "full" }), to, text });
    await flow.quiet();
    const id = submitted.at === "queued" ? submitted.id : "";
    const [report] = reportsOf(delivered);
    if (!report) throw new Error("no report");
    expect(report).toMatchObject({ from: null, to: ["ann@example.org"] });
    const headers = createHeaders(Buffer.from(report.text).subarray(0, headerEnd(Buffer.from(report.text))));
    expect(headers.get("From")).toBe("Mail Delivery System <postmaster@example.org>");
    expect(addressSpecs(headers.get("To") ?? "")).toEqual(["ann@example.org"]);
    expect(headers.get("Auto-Submitted")).toBe("auto-replied");
    expect(headers.get("References")).toBe("<m1@example.org>");
    expect(headers.get("Content-Type")).toMatch(/^multipart\/report; report-type=delivery-status; boundary="/);
    expect(headers.get("Received")).toContain("by mx.example.org");
    const [words = "", status = "", original = ""] = partsOf(report);
    expect(words).toContain("There is no mailbox with this address.");
    expect(words).toContain("What you can do: Check the address for spelling mistakes");
    expect(words).toContain("<dead@example.net>");
    expect(status).toContain("Content-Type: message/delivery-status\r\n");
    for (const field of [
      "Original-Envelope-Id: QQ314",
      "Reporting-MTA: dns; mx.example.org",
      `X-Postern-Id: ${id}`,
      "Arrival-Date: Fri, 2 Jan 2026 03:04:05 +0000",
      "Original-Recipient: rfc822;Old+Name@example.net",
      "Final-Recipient: rfc822;dead@example.net",
      "Action: failed",
      "Status: 5.1.1",
      "Remote-MTA: dns; mail.example.net",
      "Diagnostic-Code: smtp; 550 5.1.1 no such user",
      "Last-Attempt-Date: Fri, 2 Jan 2026 03:04:05 +0000",
    ])
      expect(status).toContain(`${field}\r\n`);
    expect(original).toContain("Content-Type: message/rfc822\r\n");
    expect(original).toContain("Subject: s\r\n\r\nbody text\r\n");
  });

  it.each<[string, Partial<Opening>, number, boolean]>([
    ["RET=HDRS", { ret: "hdrs" }, 10, false],
    ["nothing said, small", {}, 10, true],
    ["nothing said, large", {}, 2_000, false],
    ["RET=FULL, large", { ret: "full" }, 2_000, true],
    ["RET=FULL, beyond all limits", { ret: "full" }, 20_000, false],
    ["binary content", { body: "binarymime" }, 10, false],
  ])("gives back the message or its header: %s", async (_, opening, lines, isWhole) => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    const text = `Subject: s\n\n${`${"b".repeat(70)}\n`.repeat(lines)}`;
    await sendText(flow, { opening: fromAnn(opening), to: ["dead@example.net"], text });
    await flow.quiet();
    const [report] = reportsOf(delivered);
    expect(report?.text.includes("bbbbbbb")).toBe(isWhole);
    expect(report?.text).toContain(isWhole ? "Content-Type: message/rfc822" : "Content-Type: text/rfc822-headers");
    expect(report?.text).toContain("Subject: s\r\n");
  });

  it("of a message with REQUIRETLS asks for it too, and gives back no body (RFC 8689 5)", async () => {
    const { plugin, delivered } = recording(byName);
    const isProtected: boolean[] = [];
    const watch = hooksPlugin({
      settled: ({ envelope }) => void (envelope.origin === "bounce" && isProtected.push(envelope.requiresTls)),
    });
    const flow = await flowOf([plugin, watch]);
    const opening = fromAnn({ requiresTls: true, ret: "full" });
    await sendText(flow, { opening, to: ["dead@example.net"], text: "Subject: secret\n\nburn this\n" });
    await flow.quiet();
    const [report] = reportsOf(delivered);
    expect(report?.text).toContain("Subject: secret");
    expect(report?.text).not.toContain("burn this");
    expect(isProtected).toEqual([true]);
  });

  it("of an SMTPUTF8 message without a letter beyond ASCII is one that everybody can read", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: fromAnn({ isSmtpUtf8: true }), to: ["dead@example.net"] });
    await flow.quiet();
    expect(reportsOf(delivered)[0]?.text).toContain("Content-Type: message/delivery-status\r\n");
  });

  it("speaks UTF-8 where the message did, else plain ASCII", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    const text = "Subject: gr\u00fcn\n\nx\n";
    await sendText(flow, { opening: fromAnn({ isSmtpUtf8: true }), to: ["dead\u00fc@example.net"], text });
    await sendText(flow, { opening: fromAnn({ body: "8bitmime" }), to: ["dead\u00fc@example.net"], text });
    await flow.quiet();
    const [utf8, ascii] = reportsOf(delivered);
    expect(utf8?.text).toContain("Content-Type: message/global-delivery-status");
    expect(utf8?.text).toContain("Final-Recipient: utf-8;dead\u00fc@example.net");
    expect(utf8?.text).toContain("Content-Type: message/global\r\n");
    expect(ascii?.text).toContain("Final-Recipient: utf-8;dead\\x{FC}@example.net");
    expect(ascii?.text).toContain("Content-Type: message/rfc822\r\n");
    expect(ascii?.text).toContain("Content-Transfer-Encoding: 8bit");
  });

  it.each<[string, string, string]>([
    ["nothing said", "", "Your message could not be delivered"],
    ["the message's language", "Content-Language: de-CH\n", "Ihre Nachricht konnte nicht zugestellt werden"],
    [
      "what the sender reads",
      "Content-Language: en\nAccept-Language: fr, de;q=0.5\n",
      "Ihre Nachricht konnte nicht zugestellt werden",
    ],
    ["one without texts", "Accept-Language: fr\n", "Your message could not be delivered"],
  ])("is in the language of its reader: %s", async (_, fields, subject) => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin], { reportTexts: [english, german] });
    await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"], text: `${fields}Subject: s\n\nx\n` });
    await flow.quiet();
    expect(reportsOf(delivered)[0]?.text).toContain(`Subject: ${subject}\r\n`);
  });

  it("in letters beyond ASCII is ASCII on the way, and reads as it was written", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin], { reportTexts: [german] });
    await sendText(flow, { opening: fromAnn(), to: ["box@example.net", "slow@example.net"] });
    await flow.quiet();
    flow.clock.advance(5 * HOUR);
    await flow.quiet();
    const [report] = reportsOf(delivered);
    if (!report) throw new Error("no report");
    expect(report.text).toMatch(/^[\u0000-\u007F]*$/);
    const bytes = Buffer.from(report.text);
    const { headers, text } = await parseMail({ sizeBytes: bytes.length, content: () => Readable.from([bytes]) });
    expect(headers.get("subject")).toBe("Ihre Nachricht versp\u00e4tet sich");
    expect(text).toContain("Sie brauchen sie nicht noch einmal zu senden");
    expect(report.text).toContain("Content-Language: de\r\n");
  });

  it("takes nothing from a hostile reply but its text", async () => {
    const reply = {
      code: 550,
      status: "5.1.1\r\nX: y",
      text: "no\r\n\r\nAction: delivered\u0000",
      host: "evil\r\nX-Y: z",
    };
    const { plugin, delivered } = recording((address) =>
      address.startsWith("dead") ? { at: "failed", reply } : outcomes.delivered,
    );
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"] });
    await flow.quiet();
    const [report] = reportsOf(delivered);
    expect(report && groupsOf(report)).toEqual(["failed rfc822;dead@example.net 5.0.0"]);
    expect(report?.text).not.toMatch(/^(X-Y:|X:|Action: delivered)/m);
  });
});

describe("no bounce for a bounce", () => {
  it("a message without a sender is reported to the postmaster, once", async () => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: openingOf({ from: null }), to: ["dead@example.net"] });
    await flow.quiet();
    const reports = reportsOf(delivered);
    expect(reports.map(({ from, to }) => [from, to])).toEqual([[null, ["postmaster@example.org"]]]);
    expect(reports[0]?.text).toContain("Subject: A message without a sender could not be delivered");
  });

  it.each<[string, Listed | null, string]>([
    ["cannot be delivered", null, "dead@example.com"],
    ["has no mailbox here", null, "nobody@example.org"],
  ])("a sender who %s: the postmaster is told, and the message is gone", async (_, __, from) => {
    const { plugin, delivered } = recording(byName);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: openingOf({ from }), to: ["dead@example.net"] });
    await flow.quiet();
    expect(reportsOf(delivered).at(-1)?.to).toEqual(["postmaster@example.org"]);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0, ready: 0 });
  });

  it("ends where the postmaster fails too", async () => {
    const { plugin, delivered } = recording(() => outcomes.failed);
    const flow = await flowOf([plugin]);
    await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"] });
    await flow.quiet();
    expect(delivered.map(({ to, from }) => `${from} ${to}`)).toEqual([
      "ann@example.org dead@example.net",
      "null ann@example.org",
      "null postmaster@example.org",
    ]);
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0, ready: 0 });
    const errors = flow.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ fields }) => fields.recipients)).toEqual([["postmaster@example.org"]]);
  });
});

describe("when a report cannot be sent now", () => {
  it.each<[string, (isDown: () => boolean) => Listed]>([
    [
      "the sender's directory is down",
      (isDown) => hooksPlugin({ findAccount: () => (isDown() ? defer("down") : proceed) }),
    ],
    [
      "signing fails",
      (isDown) =>
        hooksPlugin({
          sign(envelope) {
            if (isDown() && envelope.origin === "bounce") throw new Error("no key");
            return proceed;
          },
        }),
    ],
  ])("%s: the message stays until it can, over a crash too", async (_, makePlugin) => {
    let isDown = false;
    let tries = 0;
    const { plugin, delivered } = recording((address) => {
      if (address.startsWith("dead")) tries += 1;
      return byName(address);
    });
    const plugins = [makePlugin(() => isDown), here, plugin];
    const bare = new MailFlows(openRelay);
    onTestFinished(() => bare.close());
    const flow = await bare.open(plugins);
    isDown = true;
    await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"] });
    await flow.quiet();
    expect(reportsOf(delivered)).toEqual([]);
    expect(flow.queue.stats().deferred).toBe(1);
    const again = await bare.again(flow, plugins);
    isDown = false;
    again.clock.advance(HOUR);
    await again.quiet();
    expect(reportsOf(delivered).flatMap(groupsOf)).toEqual(["failed rfc822;dead@example.net 5.1.1"]);
    expect(tries).toBe(1);
    expect(again.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
  });
});

it("tells bounced, and asks nobody's leave to send a report", async () => {
  const told: string[] = [];
  const { plugin, delivered } = recording(byName);
  const flow = await flowOf([
    plugin,
    hooksPlugin({
      bounced: (envelope, { address }, outcome) => void told.push(`${envelope.reversePath} ${address} ${outcome.at}`),
      rcptTo: (envelope) => (envelope.origin === "bounce" ? reject("no bounces") : proceed),
      message: (envelope) => (envelope.origin === "bounce" ? reject("no bounces") : proceed),
    }),
  ]);
  await sendText(flow, { opening: fromAnn(), to: ["dead@example.net"] });
  await flow.quiet();
  expect(told).toEqual(["ann@example.org dead@example.net failed"]);
  expect(reportsOf(delivered).length).toBe(1);
});
