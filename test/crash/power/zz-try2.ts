import { cutPower } from "./cutting.ts";
import { maildirWorkload } from "./maildir-workload.ts";

const seed = Number(process.env.SEED ?? 1);
const begun = performance.now();
const report = await cutPower(maildirWorkload({ lanes: 3, steps: 5 }), {
  seed,
  share: Number(process.env.SHARE ?? 0.1),
  exhaustive: 4,
  samples: 4,
});
console.log(report, ((performance.now() - begun) / 1000).toFixed(1), "s");
