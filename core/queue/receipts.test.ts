import { afterEach, describe, expect, it } from "vitest";
import type { Notify } from "../contracts/envelope.ts";
import type { Opening } from "../contracts/submit.ts";
import { expanded, proceed } from "../kernel/verdicts.ts";
import type { Listed } from "../testing/kernel.ts";
import { addressOf } from "../testing/mail.ts";
import { offerOf, openingOf, sendText } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { aliases, directory, hooksPlugin, openRelay, recording } from "../testing/mail-plugins.ts";
import { byName, groupsOf, reportsOf } from "../testing/reports.ts";

const HOUR = 3_600_000;
const here = directory("example.org", "ann@example.org", "postmaster@example.org");

const flows = new MailFlows(openRelay, here);
afterEach(() => flows.close());
const flowOf = flows.open;

const fromAnn = (more: Partial<Opening> = {}) => ({ ...openingOf({ from: "ann@example.org" }), ...more });
describe("a name that was passed on (RFC 3461 5.2.7)", () => {
  const toTwo = aliases({ "team@example.org": ["box1@example.net", "dead@example.net"] });
  const list = hooksPlugin({
    expand: ({ address }) =>
      address.localPart === "list"
        ? expanded([{ address: addressOf("far@example.net") }], { reversePath: addressOf("list-owner@example.org") })
        : proceed,
  });
  const cases: [string, readonly Notify[], Listed, string, readonly string[]][] = [
    [
      "success asked of an alias of two",
      ["success", "failure"],
      toTwo,
      "team@example.org",
      ["failed rfc822;dead@example.net 5.1.1", "expanded rfc822;team@example.org 2.0.0"],
    ],
    [
      "nothing but success asked of it",
      ["success"],
      toTwo,
      "team@example.org",
      ["expanded rfc822;team@example.org 2.0.0"],
    ],
    ["nothing said", [], toTwo, "team@example.org", ["failed rfc822;dead@example.net 5.1.1"]],
    [
      "an alias of one hands the wish on",
      ["success"],
      aliases({ "one@example.org": ["box@example.net"] }),
      "one@example.org",
      ["delivered rfc822;box@example.net 2.0.0"],
    ],
    ["a list", ["success"], list, "list@example.org", ["delivered rfc822;list@example.org 2.0.0"]],
  ];
  it.each(cases)("%s", async (_, notify, plugin, to, expected) => {
    const { plugin: transport, delivered } = recording(byName);
    const flow = await flowOf([plugin, transport]);
    await sendText(flow, { opening: fromAnn({ envid: "E1" }), to: [offerOf(to, { notify: new Set(notify) })] });
    await flow.quiet();
    const reports = reportsOf(delivered);
    expect(reports.flatMap(groupsOf)).toEqual(expected);
    for (const report of reports) {
      expect(report.to).toEqual(["ann@example.org"]);
      expect(report.text).toContain("Original-Envelope-Id: E1\r\n");
    }
    expect(flow.queue.stats()).toMatchObject({ deferred: 0, active: 0 });
  });

  it("is told once, over a crash too, while others behind it still wait", async () => {
    const { plugin, delivered } = recording(byName);
    const team = aliases({ "team@example.org": ["box@example.net", "slow@example.net"] });
    const flow = await flowOf([team, plugin]);
    await sendText(flow, { opening: fromAnn(), to: [offerOf("team@example.org", { notify: new Set(["success"]) })] });
    await flow.quiet();
    await flow.crash();
    const again = await flowOf([team, plugin], { directory: flow.directory, clock: flow.clock });
    again.clock.advance(HOUR);
    await again.quiet();
    expect(reportsOf(delivered).flatMap(groupsOf)).toEqual(["expanded rfc822;team@example.org 2.0.0"]);
  });
});
