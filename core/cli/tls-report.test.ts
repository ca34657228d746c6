import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { createKeyValue } from "../kv/key-value.ts";
import { keptLog } from "../testing/kernel.ts";
import { run } from "./program.ts";

async function site() {
  const directory = await mkdtemp(join(tmpdir(), "postern-tls-report-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await writeFile(
    join(directory, "postern.config.yaml"),
    "hostname: mx.example.org\norigin: example.org\ndataDir: data\nlisteners: [{ role: mx, host: 127.0.0.1, port: 0 }]\nplugins: [deliver-smtp]\n",
  );
  const asked = async (...args: readonly string[]) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const texts = Promise.all([text(out), text(err)]);
    const code = await run(["tls-report", ...args], { out, err, in: Readable.from([]), cwd: directory });
    out.end();
    err.end();
    const [said, complained] = await texts;
    return { code, out: said, err: complained };
  };
  return { directory, asked };
}

/** As the plugin leaves it there. */
async function count(directory: string, day: string, domains: readonly string[]) {
  const options = { directory: join(directory, "data", "kv"), log: keptLog().log, clock: Date };
  const keyValue = createKeyValue(options);
  const space = keyValue.space<unknown>("deliver-smtp/tls-reports");
  for (const domain of domains) {
    const failure = { type: "certificate-expired", host: `mx.${domain}`, address: "192.0.2.1", localAddress: null };
    const tally = [
      {
        policy: { type: "sts", lines: ["version: STSv1"], mxHosts: [`mx.${domain}`] },
        ...{ successes: 7, failures: [{ ...failure, reason: "too old", sessions: 2 }], furtherFailures: 1 },
      },
    ];
    await space.update(`${day}/${domain}`, () => ({ value: tally, expiresAtMs: Date.now() + 3_600_000 }));
  }
  return keyValue;
}

it("prints a report for each domain, also while a server has the store open", async () => {
  const { directory, asked } = await site();
  const open = await count(directory, "2026-01-31", ["b.example", "a.example"]);
  const { code, out } = await asked("2026-01-31");
  expect(code).toBe(0);
  const reports = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(reports.map(({ policies }) => policies[0].policy["policy-domain"])).toEqual(["a.example", "b.example"]);
  await open.close();
  expect((await asked("2026-01-31", "--domain", "B.example")).out).toBe(`${out.split("\n")[1]}\n`);
  // RFC 8460 4.4
  expect(reports[1]).toEqual({
    "organization-name": "example.org",
    "date-range": { "start-datetime": "2026-01-31T00:00:00Z", "end-datetime": "2026-01-31T23:59:59Z" },
    "contact-info": "postmaster@example.org",
    "report-id": "2026-01-31T00:00:00Z_b.example@example.org",
    policies: [
      {
        policy: {
          "policy-type": "sts",
          "policy-string": ["version: STSv1"],
          "policy-domain": "b.example",
          "mx-host": ["mx.b.example"],
        },
        summary: { "total-successful-session-count": 7, "total-failure-session-count": 3 },
        "failure-details": [
          {
            "result-type": "certificate-expired",
            "receiving-ip": "192.0.2.1",
            "receiving-mx-hostname": "mx.b.example",
            "failed-session-count": 2,
            "failure-reason-code": "too old",
          },
        ],
      },
    ],
  });
});

it("says where there is nothing, and makes no store for that", async () => {
  const { directory, asked } = await site();
  expect(await asked()).toMatchObject({ code: 1, out: "", err: expect.stringContaining("no session of ") });
  await (await count(directory, "2026-01-31", ["a.example"])).close();
  expect(await asked("2026-01-30")).toMatchObject({ code: 1, out: "" });
  expect(await asked("2026-01-31", "--domain", "c.example")).toMatchObject({ code: 1, out: "" });
});

it.each(["2026-02-30", "31.1.2026", "tomorrow", "2026-01-31/"])("takes %s for no day", async (day) => {
  const { asked } = await site();
  expect(await asked(day)).toMatchObject({ code: 64, err: expect.stringContaining("a day is ") });
});
