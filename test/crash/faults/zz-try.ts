import { injectFaults } from "./spool-faults.ts";

const begun = performance.now();
const only = process.env.FAULT ? JSON.parse(process.env.FAULT) : undefined;
console.log(
  await injectFaults({ seed: Number(process.env.SEED ?? 1), share: Number(process.env.SHARE ?? 0.05), only }),
  performance.now() - begun,
);
