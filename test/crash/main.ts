/**
 * `npm run crash`: kills, power cuts and faults, in full. `npm run crash -- NAME ...`: these parts only. SEED has a run again; POINTS,
 * SERVER_POINTS, RECORDINGS, SHARE and FAULT (one fault, as a failure tells it) bound it; Ctrl-C ends the kills early, with their report. What each part does: docs/operations/durability.md.
 */
import build from "../server/build.ts";
import type { Fault } from "./faults/faulty-files.ts";
import { fullDisk, noDescriptors, readOnlyMail, whyNoServerFaults } from "./faults/server-faults.ts";
import { injectFaults } from "./faults/spool-faults.ts";
import { killServers } from "./kills/server-kills.ts";
import { killSpools } from "./kills/spool-kills.ts";
import { type CutReport, cutPower, type Workload } from "./power/cutting.ts";
import { maildirWorkload } from "./power/maildir-workload.ts";
import { failingNowAndThen, spoolWorkload } from "./power/spool-workload.ts";

const numberFrom = (name: string, usual: number): number => Number(process.env[name] ?? usual);
const seed = numberFrom("SEED", Date.now() % 2 ** 31);
const share = numberFrom("SHARE", 1);

/** The first Ctrl-C ends the kills with what has been done so far, the second one everything. */
const ending = new AbortController();
process.once("SIGINT", () => ending.abort());
const { signal } = ending;

async function cut(workload: Workload): Promise<CutReport & { readonly recordings: number }> {
  const sum = { recordings: numberFrom("RECORDINGS", 10), operations: 0, moments: 0, states: 0 };
  for (let index = 0; index < sum.recordings; index += 1) {
    const report = await cutPower(workload, { seed: seed + index, share, exhaustive: 5, samples: 6 });
    sum.operations += report.operations;
    sum.moments += report.moments;
    sum.states += report.states;
  }
  return sum;
}

const size = { lanes: 3, steps: 16 };
const parts: Readonly<Record<string, () => Promise<object>>> = {
  "power-spool": () => cut(spoolWorkload("spool", size)),
  "power-failing": () => cut(spoolWorkload("failing spool", { ...size, mishap: failingNowAndThen(0.04) })),
  "power-maildir": () => cut(maildirWorkload({ lanes: 3, steps: 5 })),
  faults: () => {
    const only = process.env.FAULT === undefined ? undefined : (JSON.parse(process.env.FAULT) as Fault);
    return injectFaults({ seed, share, only });
  },
  "faults-server": async () => {
    const reason = whyNoServerFaults();
    if (reason !== null) return { skipped: reason };
    return { fullDisk: await fullDisk(), readOnlyMail: await readOnlyMail(), noDescriptors: await noDescriptors() };
  },
  "kill-spool": () => killSpools({ seed, signal, points: numberFrom("POINTS", 9_500) }),
  "kill-server": () => killServers({ seed, signal, points: numberFrom("SERVER_POINTS", 500) }),
};

const names = process.argv.slice(2);
for (const name of names) {
  if (!(name in parts)) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(", ")}`);
}
build();
console.log(`SEED=${seed}`);
for (const [name, run] of Object.entries(parts)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const begun = performance.now();
  const report = await run();
  const seconds = Math.round((performance.now() - begun) / 1000);
  console.log(`${name.padEnd(16)}${JSON.stringify({ ...report, seconds })}`);
}
