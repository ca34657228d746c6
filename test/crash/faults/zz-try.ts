import { injectFaults } from "./spool-faults.ts";

const begun = performance.now();
console.log(
  await injectFaults({ seed: Number(process.env.SEED ?? 1), share: Number(process.env.SHARE ?? 0.05) }),
  performance.now() - begun,
);
