import { expect, it } from "vitest";
import { readReportRecord, tlsReport } from "./rpt-report.ts";
import type { ReportedSession } from "./rpt-session.ts";
import { addTally, type Tally, tallyOf } from "./rpt-tally.ts";

const session = (type: string | null, host = "mx.example.org", lines: string[] = []): ReportedSession => ({
  policy: { type: "tlsa", lines, mxHosts: [] },
  failure: type === null ? null : { type, host, address: "192.0.2.1", localAddress: "192.0.2.9", reason: "x" },
});
const sum = (sessions: readonly ReportedSession[]): Tally =>
  sessions.reduce<Tally>((tally, one) => addTally(tally, tallyOf(one)), []);

it("sessions are counted by policy, kind and host", () => {
  const tally = sum([
    session(null),
    session("a"),
    session("a"),
    session("b"),
    session(null),
    session(null, "", ["other"]),
  ]);
  expect(tally).toMatchObject([
    {
      successes: 2,
      failures: [
        { type: "a", sessions: 2 },
        { type: "b", sessions: 1 },
      ],
      furtherFailures: 0,
    },
    { policy: { lines: ["other"] }, successes: 1, failures: [] },
  ]);
  expect(addTally(tally, tally)).toMatchObject([
    { successes: 4, failures: [{ sessions: 4 }, { sessions: 2 }] },
    { successes: 2 },
  ]);
});

it("what hosts make up stays within bounds, and is counted all the same", () => {
  const tally = sum(Array.from({ length: 500 }, (_, index) => session("a", `mx${index}.example.org`)));
  expect(tally[0]?.failures).toHaveLength(50);
  expect(tally[0]?.furtherFailures).toBe(450);
  const many = sum(Array.from({ length: 100 }, (_, index) => session(null, "", [`${index}`])));
  expect(many).toHaveLength(10);
  const report = tlsReport({ domain: "d", day: "2026-01-31", tally, organization: "o", contact: "c", id: "i" });
  expect(report).toMatchObject({ policies: [{ summary: { "total-failure-session-count": 500 } }] });
});

it.each([
  [["v=TLSRPTv1; rua=mailto:a@example.org"], ["mailto:a@example.org"]],
  [
    ["v=TLSRPTv1;rua=mailto:a@example.org, https://example.org/tls;"],
    ["mailto:a@example.org", "https://example.org/tls"],
  ],
  [["v=TLSRPTv1; rua=ftp://example.org,mailto:a b"], []],
  [["v=TLSRPTv1; rua=mailto:a@x", "v=TLSRPTv1; rua=mailto:b@x"], []],
  [["v=TLSRPTv2; rua=mailto:a@x"], []],
  [[], []],
])("the record %j wants reports at %j", (texts, targets) => {
  expect(readReportRecord(texts)).toEqual(targets);
});
