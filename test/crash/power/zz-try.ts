import { cutPower } from "./cutting.ts";
import { failingNowAndThen, spoolWorkload } from "./spool-workload.ts";

const seed = Number(process.env.SEED ?? 1);
const lanes = Number(process.env.LANES ?? 3),
  steps = Number(process.env.STEPS ?? 12);
const begun = performance.now();
const mishap = process.env.FAIL ? { mishap: failingNowAndThen(Number(process.env.FAIL)) } : {};
const report = await cutPower(spoolWorkload("spool", { lanes, steps, ...mishap }), {
  seed,
  share: Number(process.env.SHARE ?? 0.1),
  exhaustive: 4,
  samples: 4,
});
console.log(report, ((performance.now() - begun) / 1000).toFixed(1), "s");
